"""Objectives: what is minimised, one a file."""

from ppgen.objectives.adversarial import Adversarial
from ppgen.objectives.bidirectional import Bidirectional
from ppgen.objectives.cycle_translation import CycleTranslation
from ppgen.objectives.elbo import ELBO
from ppgen.objectives.gumbel_softmax import GumbelSoftmax
from ppgen.objectives.iwae import IWAE
from ppgen.objectives.maximum_likelihood import MaximumLikelihood
from ppgen.objectives.objective import Loss, Objective, Player, State, Step, TrainingPosition
from ppgen.objectives.paired_translation import PairedTranslation
from ppgen.objectives.pyro_elbo import PyroELBO
from ppgen.objectives.simulation import Simulation
from ppgen.objectives.total_correlation import TotalCorrelation
from ppgen.objectives.vector_quantization import VectorQuantization
from ppgen.objectives.wake_sleep import WakeSleep

__all__ = [
    "ELBO",
    "IWAE",
    "Adversarial",
    "Bidirectional",
    "CycleTranslation",
    "GumbelSoftmax",
    "Loss",
    "MaximumLikelihood",
    "Objective",
    "PairedTranslation",
    "Player",
    "PyroELBO",
    "Simulation",
    "State",
    "Step",
    "TotalCorrelation",
    "TrainingPosition",
    "VectorQuantization",
    "WakeSleep",
]
