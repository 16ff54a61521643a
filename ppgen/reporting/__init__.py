"""Reporting: figures, tables and the page that a person reads."""

from ppgen.reporting.anatomy import anatomy
from ppgen.reporting.bound_curves import bound_curves
from ppgen.reporting.calibration_figure import calibration_figure
from ppgen.reporting.codes import latent_space, reconstructions
from ppgen.reporting.draw_walk import draw_walk
from ppgen.reporting.examination import Examination, examine
from ppgen.reporting.fit_card import fit_card
from ppgen.reporting.fit_figures import FitFigures, fit_figures, save_figures
from ppgen.reporting.fit_plots import FitPlots
from ppgen.reporting.game_film import GameFilm
from ppgen.reporting.game_notes import game_notes
from ppgen.reporting.grids import grids
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.learning_curves import learning_curves
from ppgen.reporting.mode_map import mode_map
from ppgen.reporting.ranking import ranking
from ppgen.reporting.report import report
from ppgen.reporting.scorecard_table import scorecard_table
from ppgen.reporting.trade_offs import bottleneck, rate_distortion
from ppgen.reporting.translation_figure import translation_figure

__all__ = [
    "Examination",
    "FitFigures",
    "FitPlots",
    "GameFilm",
    "Illustration",
    "anatomy",
    "bottleneck",
    "bound_curves",
    "calibration_figure",
    "draw_walk",
    "examine",
    "fit_card",
    "fit_figures",
    "game_notes",
    "grids",
    "latent_space",
    "learning_curves",
    "mode_map",
    "ranking",
    "rate_distortion",
    "reconstructions",
    "report",
    "save_figures",
    "scorecard_table",
    "translation_figure",
]
