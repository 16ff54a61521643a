"""Declaring: a model p(x, z) and a guide q(z | x), one method a random variable."""

from ppgen.declare.check import check
from ppgen.declare.guide import Guide
from ppgen.declare.model import Model
from ppgen.declare.program import Program, ProgramPart
from ppgen.declare.site import Site, implicit, latent, observed

__all__ = [
    "Guide",
    "Model",
    "Program",
    "ProgramPart",
    "Site",
    "check",
    "implicit",
    "latent",
    "observed",
]
