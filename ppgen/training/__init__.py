"""Training: one loop for all families, from a model and data to a fit, and back from a run folder."""

from ppgen.training.callbacks import Callback, Training
from ppgen.training.fit import fit
from ppgen.training.load import load
from ppgen.training.muon import Muon

__all__ = ["Callback", "Muon", "Training", "fit", "load"]
