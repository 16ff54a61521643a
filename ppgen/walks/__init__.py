"""Walks through a latent space: one step a column, decoded; ``fit.traverse``, ``fit.interpolate`` and the like."""

from ppgen.walks.arithmetic import arithmetic
from ppgen.walks.interpolate import interpolate
from ppgen.walks.invert import Inversion, invert
from ppgen.walks.lattice import lattice
from ppgen.walks.manifold import manifold
from ppgen.walks.traverse import traverse
from ppgen.walks.walk import Walk

__all__ = ["Inversion", "Walk", "arithmetic", "interpolate", "invert", "lattice", "manifold", "traverse"]
