"""Figures of what is drawn position by position: their numbers are the distribution's, whatever the model's class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from pyro import poutine
from torch import Tensor

import ppgen
from ppgen import nets
from ppgen.distributions import Autoregressive, is_before
from ppgen.errors import SettingError, Unanswerable
from ppgen.reporting import fit_figures
from ppgen.reporting.canvas_figure import drawn_by
from ppgen.reporting.ordered_site import has_order, ordered_site
from ppgen.reporting.position_maps import heat, surprise_figure
from ppgen.reporting.sight_figure import draw_sight
from ppgen.reporting.style import PALETTE

ORDERED = {"generation", "surprise", "entropy", "receptive_field"}


def quick(model: Any, data: Any = "digits") -> Any:
    torch.manual_seed(0)
    return ppgen.fit(model, data, max_epochs=1, batch_size=256, progress=False, device="cpu")


def first(fit: Any, count: int = 10) -> dict[str, Tensor]:
    return {key: column[:count] for key, column in fit.data.split("test").items()}


def test_the_sums_beneath_surprise_are_the_log_probabilities(fits: Mapping[str, Any]) -> None:
    fit = fits["pixelcnn"]
    axes = fit.plot.surprise(ax=Figure().subplots(), seed=3)
    chosen = torch.randperm(len(fit.data.split("test")["x"]), generator=torch.Generator().manual_seed(3))[:10]
    nats = -fit.log_prob_per_datum({"x": fit.data.split("test")["x"][chosen]})
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"{each:.1f}" for each in nats.tolist()]


def test_a_decoder_is_read_given_its_code() -> None:
    fit = quick(ppgen.models.PixelVAE((1, 8, 8), 2, 1, 4, 3, 8))
    site = ordered_site(fit, first(fit))
    assert "z" in site.given
    z = fit.encode(first(fit)).only
    trace = poutine.trace(poutine.condition(fit.model, data={"z": z})).get_trace({"x": site.x}, len(z))
    trace.compute_log_prob()
    expected = trace.nodes["x"]["log_prob"]
    assert torch.allclose(site.fn.log_prob_per_position(site.x).sum((-1, -2)), expected, atol=1e-4)
    assert "Given the z" in surprise_figure(fit, first(fit)).caption


def test_sequences_are_lines_and_tokens_have_no_gradient() -> None:
    tokens = {"x": torch.randint(3, (60, 5), generator=torch.Generator().manual_seed(0))}
    drawn = fit_figures(quick(ppgen.models.TokenLSTM(5, 3, 4), tokens))
    assert set(drawn.figures) >= ORDERED - {"receptive_field"}
    assert "looks its values up" in drawn.omitted["receptive_field"]
    vectors = {"x": torch.randn(60, 4, generator=torch.Generator().manual_seed(0))}
    drawn = fit_figures(quick(ppgen.models.MADE((4,), (8,), num_components=2), vectors))
    assert set(drawn.figures) >= ORDERED - {"entropy"}
    assert "no entropy in closed form" in drawn.omitted["entropy"]


def test_several_orders_are_refused_and_other_models_are_not_asked(fits: Mapping[str, Any]) -> None:
    drawn = fit_figures(quick(ppgen.models.MADE((1, 8, 8), (8,), num_masks=2, order="random")))
    assert set(drawn.omitted) >= ORDERED
    assert "no one order" in drawn.omitted["surprise"]
    for name in ("vae", "cvae", "gan"):
        assert not has_order(fits[name], fits[name].data.split("test"))
        with pytest.raises(Unanswerable):
            fits[name].plot.surprise(ax=Figure().subplots())


@pytest.mark.parametrize(
    ("make", "is_blind"),
    [
        (lambda: nets.PixelCNN((1, 9, 9), 8, 4, kernel_size=3, first_kernel_size=3), True),
        (lambda: nets.GatedPixelCNN((1, 9, 9), 2, 3, kernel_size=3, first_kernel_size=3), False),
        (lambda: nets.RowLSTM((1, 9, 9), 2, 1, first_kernel_size=3), True),
        (lambda: nets.DiagonalBiLSTM((1, 9, 9), 2, 1, first_kernel_size=3), False),
    ],
    ids=["PixelCNN", "GatedPixelCNN", "RowLSTM", "DiagonalBiLSTM"],
)
def test_a_blind_spot_has_a_colour_of_its_own(make: Any, is_blind: bool) -> None:
    """Above and to the right, kernels of 3 x 3 reach one pixel further with each row; two stacks or diagonals all."""
    torch.manual_seed(0)
    fn, axes = Autoregressive(make(), (1, 9, 9)), Figure().subplots()
    found = draw_sight(axes, fn, torch.rand(8, 1, 9, 9).round(), 40)
    picture = np.asarray(axes.images[0].get_array())
    later = (picture == picture[8, 8]).all(-1)
    assert np.array_equal(~later, is_before(fn.order, 40).numpy())
    blind = (picture == to_rgb(PALETTE[1])).all(-1)
    assert found == blind.sum()
    above, right = np.arange(4, 0, -1)[:, None], np.arange(5)
    assert np.array_equal(blind[:4, 4:], (right > above) if is_blind else np.zeros((4, 5), bool))
    assert is_blind or not found


def test_a_position_that_is_not_there_is_refused(fits: Mapping[str, Any]) -> None:
    with pytest.raises(SettingError, match="no such position"):
        fits["pixelcnn"].plot.receptive_field(ax=Figure().subplots(), position=64)


def test_the_last_stage_is_the_sample_and_the_first_is_mostly_blank(fits: Mapping[str, Any]) -> None:
    fit = fits["pixelcnn"]
    picture = np.asarray(fit.plot.generation(ax=Figure().subplots(), seed=5).images[0].get_array())
    rows = torch.randperm(len(fit.data.split("test")["x"]), generator=torch.Generator().manual_seed(5))[:4]
    made = fit.sample(len(rows), seed=5).only
    assert np.array_equal(picture[:8, -8:, 0] / 255, made[0, 0].numpy())
    blank = (picture[:8, :8, :3] == picture[7, 7, :3]).all(-1)
    assert np.array_equal(~blank, drawn_by(ordered_site(fit, first(fit)).fn.order, 8)[0].numpy())


def test_colours_grow_lighter_with_the_numbers() -> None:
    shades = heat(np.linspace(0.0, 2.0, 9)[None, None], (0.0, 2.0))[0, :, 0].sum(0)
    assert (np.diff(shades) > 0).all()
