"""Reporting: figures, tables and the page that a person reads."""

from __future__ import annotations

from ppgen.reporting.anatomy import anatomy
from ppgen.reporting.bottleneck import bottleneck
from ppgen.reporting.grids import grids
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.latent_space import latent_space
from ppgen.reporting.learning_curves import learning_curves
from ppgen.reporting.portrait import Portrait, portrait, save_figures
from ppgen.reporting.ranking import ranking
from ppgen.reporting.rate_distortion import rate_distortion
from ppgen.reporting.reconstructions import reconstructions
from ppgen.reporting.report import report

__all__ = [
    "Illustration",
    "Portrait",
    "anatomy",
    "bottleneck",
    "grids",
    "latent_space",
    "learning_curves",
    "portrait",
    "ranking",
    "rate_distortion",
    "reconstructions",
    "report",
    "save_figures",
]
