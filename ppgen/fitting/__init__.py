"""Fitting: one loop for all families, run folders, and the fit that answers questions."""

from ppgen.fitting.loading import load
from ppgen.fitting.result import Fit
from ppgen.fitting.training import fit

__all__ = ["Fit", "fit", "load"]
