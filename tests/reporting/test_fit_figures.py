from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pyro.distributions as dist
import pytest
import torch

import ppgen
from ppgen.errors import SettingError
from ppgen.reporting import FitFigures, fit_figures, save_figures
from ppgen.reporting.mosaic import mosaic


def normal(mean: torch.Tensor) -> dist.TorchDistribution:
    return dist.Normal(mean, 1.0).to_event(1)


@pytest.fixture(scope="module")
def figures(fits: Mapping[str, Any]) -> dict[str, FitFigures]:
    return {name: fit_figures(fit, seed=3) for name, fit in fits.items()}


def test_every_figure_that_the_fit_can_answer_and_reasons_for_the_others(figures: dict[str, FitFigures]) -> None:
    everything = {"learning_curve", "anatomy", "samples", "neighbours", "reconstructions", "extremes", "latent_space"}
    everything |= {"traversal", "interpolation"}
    missing = {
        "vae": set(),
        "cvae": set(),
        "pixelcnn": {"anatomy", "reconstructions", "extremes", "latent_space", "traversal", "interpolation"},
        "gan": {"anatomy", "reconstructions", "extremes", "latent_space"},
    }
    for name, drawn in figures.items():
        assert set(drawn.omitted) == missing[name], name
        ordered = {"generation", "surprise", "entropy", "receptive_field"} if name == "pixelcnn" else set()
        assert set(drawn.figures) == (everything - missing[name]) | ordered, name
        assert all(drawn.omitted.values())
        # Means of p(x | z) are a third panel, where they differ from samples.
        assert len(drawn.figures["samples"].figure.axes) == (2 if missing[name] else 3)
    assert "no latent variables" in figures["pixelcnn"].omitted["latent_space"]


def test_samples_are_the_fits_and_stand_beside_test_data(fits: Mapping[str, Any], figures: Any) -> None:
    fit, panels = fits["vae"], figures["vae"].figures["samples"].figure.axes
    assert [axes.get_title(loc="left") for axes in panels] == ["samples", "means of p(x | z)", "test data"]
    samples, means = fit.sample(64, seed=3).only, fit.sample(64, seed=3, mean=True).only
    for axes, pictures in zip(panels, (samples, means), strict=False):
        np.testing.assert_array_equal(axes.images[0].get_array(), mosaic(pictures.double().numpy(), 8, (0.0, 1.0)))
    test = {tuple(x.flatten().tolist()) for x in fit.data.split("test")["x"]}
    tile = np.asarray(panels[2].images[0].get_array())[:8, :8, 0] / 255
    assert tuple(tile.flatten().tolist()) in test


def test_an_autoencoder_shows_decoded_codes() -> None:
    torch.manual_seed(0)
    model = ppgen.models.Autoencoder((1, 8, 8), latent_dim=2, hidden=(8,))
    fit = ppgen.fit(model, "digits", guide=ppgen.guides.Delta(model), max_epochs=1, progress=False)
    drawn = fit_figures(fit, seed=3).figures["samples"]
    titles = [axes.get_title(loc="left") for axes in drawn.figure.axes]
    assert titles == ["decoded codes of the prior", "decoded training codes", "test data"]
    assert "decoded codes, without the noise of the likelihood" in drawn.caption


def test_a_conditional_model_has_a_row_a_class(fits: Mapping[str, Any], figures: Any) -> None:
    drawn = figures["cvae"].figures["samples"]
    assert "Each row is one value of y" in drawn.caption
    labels = [label.get_text() for label in drawn.figure.axes[0].get_yticklabels()]
    assert labels == [str(digit) for digit in range(10)]
    image = np.asarray(drawn.figure.axes[-1].images[0].get_array())
    test = fits["cvae"].data.split("test")
    for row in range(10):
        for column in range(8):
            tile = torch.tensor(image[9 * row : 9 * row + 8, 9 * column : 9 * column + 8, 0] / 255)
            same = (test["x"][:, 0].double() == tile).all(dim=(1, 2))
            assert row in test["y"][same], (row, column)


@pytest.mark.parametrize("dims", [1, 5])
def test_vectors_without_labels_and_a_picture_for_each_latent(dims: int) -> None:
    class Two(ppgen.Model):
        def __init__(self) -> None:
            super().__init__()
            self.slope = torch.nn.Parameter(torch.ones(dims))

        @ppgen.latent
        def w(self) -> Any:
            return normal(torch.zeros(3))

        @ppgen.latent
        def z(self, w: torch.Tensor) -> Any:
            return normal(w)

        @ppgen.observed
        def x(self, z: torch.Tensor) -> Any:
            return normal(z.sum(-1, keepdim=True) * self.slope)

    fit = ppgen.fit(Two(), data=torch.randn(60, dims), max_epochs=1, progress=False, device="cpu")
    drawn = fit_figures(fit).figures
    spaces = {"latent_space_w", "latent_space_z"}
    walks = {"traversal", "interpolation"}
    low = {"density"} if dims == 1 else set()
    assert set(drawn) == {"learning_curve", "anatomy", "samples", "reconstructions"} | spaces | walks | low
    assert "rate of w" in drawn["anatomy"].caption
    assert all(illustration.png() for illustration in drawn.values())


def test_figures_are_saved(fits: Mapping[str, Any], tmp_path: Path) -> None:
    files = save_figures(fits["pixelcnn"], tmp_path / "figures")
    assert [path.name for path in files] == [
        f"{name}.png"
        for name in ("learning_curve", "samples", "neighbours", "generation", "surprise", "entropy", "receptive_field")
    ]
    assert all(matplotlib.image.imread(path).std() > 0 for path in files)


def test_without_a_run_folder_a_folder_must_be_given(fits: Mapping[str, Any]) -> None:
    with pytest.raises(SettingError, match="no run folder"):
        save_figures(fits["gan"])
