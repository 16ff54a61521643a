"""Rows of a grid by what a model is told: each holds data of its own value."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from matplotlib.figure import Figure

import ppgen
from ppgen.reporting import fit_figures
from ppgen.reporting.conditions import _in_words, _Part, find_conditions


class Told(ppgen.Model):
    """x ~ Normal(pictures whose brightness is y's)."""

    def __init__(self) -> None:
        super().__init__()
        self.free = torch.nn.Parameter(torch.zeros(()))

    @ppgen.observed
    def x(self, y: torch.Tensor) -> Any:
        bright = (y.reshape(len(y), -1).double() @ torch.tensor([0.4, 0.5][: y[0].numel()]).double()).float()
        return dist.Normal(bright.reshape(-1, 1, 1, 1) + 0 * self.free, 0.01).expand([len(y), 1, 3, 3]).to_event(3)


def fitted(y: torch.Tensor, **options: Any) -> Any:
    torch.manual_seed(0)
    data = ppgen.data.from_tensors({"x": torch.rand(len(y), 1, 3, 3), "y": y}, **options)
    return ppgen.fit(Told(), data, max_epochs=1, progress=False, device="cpu")


def test_a_class_a_row_and_its_samples_beside_its_label() -> None:
    fit = fitted(torch.arange(300) % 3)
    panels = fit_figures(fit, seed=1).figures["samples"].figure.axes
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["0", "1", "2"]
    image = panels[0].images[0].get_array()
    middle = image[panels[0].get_yticks().astype(int), 1, 0].astype(int)
    assert (middle[1:] > middle[:-1] + 50).all()  # brighter from row to row, at the labels' heights
    drawn = fit.plot.samples(ax=Figure().subplots(), n=12)
    assert drawn.images[0].get_array().shape[:2] == (11, 15)  # 3 rows of 4
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["0", "1", "2"]


def test_combinations_of_attributes_are_rows_too() -> None:
    y = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])[torch.arange(300) % 3]
    fit = fitted(y)
    test = fit.data.split("test")
    told = find_conditions(fit, test)
    assert told is not None
    assert told.labels == ("0 0", "0 1", "1 1")
    rows = told.rows_of(test, 5)
    assert torch.equal(test["y"][rows].double(), told.values.repeat_interleave(5, 0))
    assert told.caption == "Each row is one value of y."


def test_gathered_columns_are_told_by_name() -> None:
    data = ppgen.data.attributes(ppgen.data.load("digits"), ["y"])
    fit = ppgen.fit(ppgen.models.ConditionalVAE((1, 8, 8), latent_dim=2), data, max_epochs=1, progress=False)
    told = find_conditions(fit, fit.data.split("test"))
    assert told is not None
    assert told.labels == tuple(f"y {digit}" for digit in reversed(range(10)))  # by their one-hot vectors
    parts = [_Part(2, "bold", True), _Part(2, "ink", True, ("red", "blue")), _Part(1, "size")]
    assert _in_words([0.0, 1.0, 0.0, 1.0, 2.5], parts) == "bold 1, ink blue, size 2.5"


def test_many_classes_show_the_first_sixteen_and_say_so() -> None:
    fit = fitted(torch.arange(2000) % 20)
    told = find_conditions(fit, fit.data.split("test"))
    assert told is not None
    assert told.caption == "Each row is one value of y, 16 of 20."


def test_numbers_that_differ_are_no_classes() -> None:
    torch.manual_seed(0)
    fit = fitted(torch.randn(300, 2))
    assert find_conditions(fit, fit.data.split("test")) is None
    assert "Samples share y" in fit_figures(fit).figures["samples"].caption
