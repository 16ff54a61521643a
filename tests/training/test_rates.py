"""The learning rate and schedule of a fit that was told neither."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from click.testing import CliRunner
from pyro.infer.autoguide import AutoIAFNormal, AutoNormal
from torch import Tensor, nn

import ppgen
from ppgen import latent, observed
from ppgen.cli.fit import fit as command
from ppgen.training.rates import BENT_RATE, GLOBAL_RATE, RATE, choose_rate

ROWS = 30
SHORT: dict[str, Any] = {"max_epochs": 1, "progress": False, "device": "cpu"}


class Line(ppgen.Model):
    """slope ~ Normal(0, 5), once;  y ~ Normal(slope x, 1)."""

    @latent(local=False)
    def slope(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 5.0)

    @observed
    def y(self, slope: Tensor, x: Tensor) -> dist.TorchDistribution:
        return dist.Normal(slope * x, 1.0)


class Bent(Line):
    """The same line through a network, which is learned beside the slope."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(1, 1)

    @observed
    def y(self, slope: Tensor, x: Tensor) -> dist.TorchDistribution:
        return dist.Normal(slope * self.net(x.unsqueeze(-1)).squeeze(-1), 1.0)


class Effects(Line):
    """A deviation for each datum."""

    @latent
    def effect(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 1.0)

    @observed
    def y(self, slope: Tensor, effect: Tensor, x: Tensor) -> dist.TorchDistribution:
        return dist.Normal(slope * x + effect, 1.0)


class Classes(Line):
    """A side of the line for each datum, which is summed out."""

    @latent
    def side(self) -> dist.TorchDistribution:
        return dist.Bernoulli(0.5)

    @observed
    def y(self, slope: Tensor, side: Tensor, x: Tensor) -> dist.TorchDistribution:
        return dist.Normal(slope * x + side, 1.0)


def columns() -> dict[str, Tensor]:
    x = torch.linspace(-1, 1, ROWS)
    return {"x": x, "y": 2 * x + 0.1 * torch.cos(40 * x)}


def line(x: Tensor, y: Tensor) -> None:
    slope = pyro.sample("slope", dist.Normal(0.0, 5.0))
    with pyro.plate("data", len(x)):
        pyro.sample("y", dist.Normal(slope * x, 1.0), obs=y)


def program_of(kind: Any) -> Any:
    return lambda: ppgen.Program(line, kind(line))


class Amortised:
    """A guide whose network is announced to Pyro only where it runs."""

    def __init__(self) -> None:
        self.made: list[nn.Module] = [nn.Linear(1, 1)]

    def __call__(self, x: Tensor, y: Tensor) -> None:
        net = pyro.module("net", self.made[0])
        pyro.sample("slope", dist.Normal(net(y.mean().reshape(1)).squeeze(-1), 0.5))


def chosen(model: Any, **settings: Any) -> tuple[Any, Any]:
    fit = ppgen.fit(model, columns(), **{**SHORT, "batch_size": None, **settings})
    assert (fit.settings["learning_rate"] in (GLOBAL_RATE, BENT_RATE)) == ("learning_rate" in fit.history[0])
    return fit.settings["learning_rate"], fit.settings["schedule"]


QUICK, BENT, USUAL = (GLOBAL_RATE, "cosine"), (BENT_RATE, "cosine"), (RATE, "constant")


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        pytest.param(Line, QUICK, id="global latents"),
        pytest.param(Bent, USUAL, id="a network in the likelihood"),
        pytest.param(Effects, USUAL, id="a latent for each datum"),
        pytest.param(program_of(AutoNormal), QUICK, id="a program that is taken whole"),
        pytest.param(lambda: ppgen.Program(line, Amortised()), USUAL, id="a network in a program's guide"),
        pytest.param(lambda: ppgen.models.MADE((1, 6, 5)), USUAL, id="no latents"),
    ],
)
def test_what_is_learned_decides(make: Any, wanted: tuple[float, str]) -> None:
    model = make()
    if isinstance(model, ppgen.models.MADE):
        fit = ppgen.fit(model, torch.zeros(ROWS, 1, 6, 5), **SHORT)
        assert (fit.settings["learning_rate"], fit.settings["schedule"]) == wanted
    else:
        assert chosen(model) == wanted


def test_guides_of_free_numbers_are_quick_and_flows_half_so() -> None:
    for family in (ppgen.guides.MeanField, ppgen.guides.FullRank, ppgen.guides.Structured, ppgen.guides.Delta):
        assert chosen(Line(), guide=family) == QUICK
    assert chosen(Line(), guide=ppgen.guides.Flow) == BENT
    assert chosen(Bent(), guide=ppgen.guides.Flow) == USUAL  # whose likelihood has a network too
    assert chosen(Line(), guide=ppgen.guides.Flow, batch_size=10) == USUAL


def test_minibatches_and_other_optimizers_keep_the_usual_rate() -> None:
    assert chosen(Line(), batch_size=128) == QUICK  # more than there are rows
    assert chosen(Line(), batch_size=10) == USUAL
    assert chosen(Line(), optimizer="sgd") == USUAL


def test_what_the_user_says_is_done() -> None:
    assert chosen(Line(), learning_rate=0.5) == (0.5, "constant")
    assert chosen(Line(), learning_rate=RATE) == USUAL
    assert chosen(Line(), schedule="constant") == (GLOBAL_RATE, "constant")
    assert choose_rate({"elbo": 0.1}, "cosine", shared=GLOBAL_RATE).learning_rate == {"elbo": 0.1}


def test_the_posterior_of_a_line_is_that_of_the_closed_form_from_a_poor_start() -> None:
    """The start is 55 posterior deviations away."""
    data = ppgen.data.from_tensors(columns(), valid=0.0, test=0.0)
    model = Line()
    guide = ppgen.guides.MeanField(model, init=lambda site: torch.tensor(-15.0))
    fit = ppgen.fit(model, data, guide=guide, batch_size=None, max_epochs=1000, progress=False, device="cpu")
    x, y = columns()["x"].double(), columns()["y"].double()
    precision = float(x @ x) + 1 / 25
    draws = fit.posterior(data.split("train"), num_draws=2000).posterior["slope"]
    assert float(draws.mean()) == pytest.approx(float(x @ y) / precision, abs=0.2 * precision**-0.5)


def test_a_run_from_before_there_was_a_choice_is_taken_up_at_its_own_rate(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"batch_size": None, "progress": False, "device": "cpu"}
    whole = ppgen.fit(Line(), columns(), learning_rate=1e-3, max_epochs=4, **settings)
    ppgen.fit(Line(), columns(), learning_rate=1e-3, max_epochs=2, out=tmp_path / "run", **settings)
    resumed = ppgen.fit(Line(), columns(), max_epochs=4, out=tmp_path / "run", resume=True, **settings)
    assert (resumed.settings["learning_rate"], resumed.settings["schedule"]) == USUAL
    assert torch.equal(resumed.guide.free["slope"], whole.guide.free["slope"])


def test_a_run_of_the_choice_is_taken_up_with_it(tmp_path: Path) -> None:
    class Stop(ppgen.Callback):
        def epoch(self, training: Any) -> None:
            if training.epoch == 2:
                raise KeyboardInterrupt

    settings: dict[str, Any] = {"batch_size": None, "max_epochs": 4, "progress": False, "device": "cpu"}
    whole = ppgen.fit(Line(), columns(), **settings)
    with pytest.raises(KeyboardInterrupt):
        ppgen.fit(Line(), columns(), out=tmp_path / "run", callbacks=[Stop()], **settings)
    resumed = ppgen.fit(Line(), columns(), out=tmp_path / "run", resume=True, **settings)
    assert torch.equal(resumed.guide.free["slope"], whole.guide.free["slope"])
    assert resumed.history[0]["learning_rate"].startswith("a learning rate of 0.02 that falls")
    with pytest.raises(ppgen.errors.CheckpointError, match="another learning_rate"):
        ppgen.fit(Line(), columns(), out=tmp_path / "run", resume=True, **settings, learning_rate=1e-3)


def test_help_names_both_rates() -> None:
    told = re.sub(r"\s+", " ", CliRunner().invoke(command, ["--help"]).output)
    assert f"{RATE}; of global latents alone, at full batch, {GLOBAL_RATE}]" in told


def test_flow_of_pyro_is_set_up_on_the_rows_that_it_is_fitted_to() -> None:
    """Its layers are as wide as all rows have latents, not as the few rows that a program is first tried on."""

    def effects(y: Tensor) -> None:
        loc = pyro.sample("loc", dist.Normal(0.0, 1.0))
        with pyro.plate("data", len(y)):
            effect = pyro.sample("effect", dist.Normal(loc, 1.0))
            pyro.sample("y", dist.Normal(effect, 1.0), obs=y)

    program = ppgen.Program(effects, AutoIAFNormal(effects))
    fit = ppgen.fit(program, {"y": torch.arange(8.0)}, batch_size=None, **SHORT)
    assert (fit.settings["learning_rate"], fit.settings["schedule"]) == USUAL
    assert fit.posterior(num_draws=3).posterior["effect"].shape == (1, 3, 8)
