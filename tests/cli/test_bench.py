"""``ppgen bench``: reference draws of a folder, a table beside the published one, and nothing written."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from click.testing import CliRunner

import ppgen
from ppgen.cli import commands
from ppgen.evaluation import table
from ppgen.objectives import Simulation
from ppgen.zoo import posteriordb_bench, sbibm_bench
from ppgen.zoo.posteriordb_tasks import POSTERIORDB, PosteriorTask
from ppgen.zoo.sbibm_tasks import SBIBM, SimulationTask


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits of one epoch, and few draws of the model: what is tested is the way, not the guide."""
    methods = dict(sbibm_bench.METHODS)
    simulation = next(name for name in methods if name.startswith("simulation"))
    few = dataclasses.replace(methods[simulation], objective=lambda: Simulation(200))
    monkeypatch.setattr(sbibm_bench, "METHODS", methods | {simulation: few})
    for bench in (sbibm_bench, posteriordb_bench):
        monkeypatch.setattr(bench, "fit", functools.partial(ppgen.fit, max_epochs=1))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(commands, ["bench", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def two_moons(folder: Path) -> None:
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {"observation": np.zeros((2, 2)), "reference_draws": random.uniform(-1, 1, (2, 12, 2))}
    np.savez(folder / "two_moons.npz", **arrays)


def test_stands_beside_the_published_table_and_writes_nothing(tmp_path: Path, quick: None) -> None:
    two_moons(tmp_path)
    shown = run("sbibm", str(tmp_path), "--format", "markdown")
    assert "0.542" in next(line for line in shown.splitlines() if "published NPE" in line)
    assert "without a likelihood" in shown
    assert "intervals hold" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["two_moons.npz"]


def test_an_improper_guess_shows(tmp_path: Path, quick: None) -> None:
    arrays: dict[str, Any] = {
        "data.y": np.random.default_rng(0).normal(size=60),
        "data.K": np.array(5),
        "data.T": np.array(60),
    }
    draws: dict[str, Any] = {
        "draws.alpha": np.full(50, 100.0) + np.arange(50),
        "draws.beta": np.ones((50, 5)),
        "draws.sigma": np.ones(50),
    }
    draws = {name: value + np.random.default_rng(1).normal(size=value.shape) for name, value in draws.items()}
    np.savez(tmp_path / "arK-arK.npz", **arrays, **draws)
    lines = run("posteriordb", str(tmp_path), "--format", "markdown").splitlines()
    row = next(line for line in lines if "as it is" in line)
    assert float(row.split("|")[2]) > 3  # posterior standard deviations, behind the name


@pytest.mark.parametrize(
    ("arguments", "what"),
    [(["sbibm"], "has no file"), (["sbibm", "--task", "three_moons"], "there is no task 'three_moons'")],
)
def test_names_what_is_not_there(tmp_path: Path, arguments: list[str], what: str) -> None:
    result = CliRunner().invoke(commands, ["bench", arguments[0], str(tmp_path), *arguments[1:]])
    assert result.exit_code == 2
    assert what in result.output


def test_passes_over_what_it_does_not_know_and_says_so(tmp_path: Path, quick: None) -> None:
    two_moons(tmp_path)
    np.savez(tmp_path / "three_moons.npz", observation=np.zeros((2, 2)))
    shown = run("sbibm", str(tmp_path))
    assert "three_moons" not in shown.splitlines()[1]
    assert "passed over, as ppgen declares no such task: three_moons" in shown


class Mine(ppgen.Model):
    """Two latents, one of them a number."""

    @ppgen.latent
    def shift(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.latent
    def place(self) -> Any:
        return dist.Normal(torch.zeros(2), 1.0).to_event(1)

    @ppgen.observed
    def y(self, shift: torch.Tensor, place: torch.Tensor) -> Any:
        return dist.Normal(place + shift.unsqueeze(-1), 1.0).to_event(1)


def test_runs_a_task_of_the_users_own(tmp_path: Path, quick: None) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", observation=np.zeros((2, 2)), reference_draws=random.normal(size=(2, 12, 3)))
    said: list[str] = []
    block = sbibm_bench.sbibm(tmp_path, tasks={"mine": SimulationTask(lambda _: Mine())}, say=said.append)
    assert [len(row.cells) for row in block.rows] == [1, 1, 1, 1]
    assert all("over 18 quantities" in line for line in said)  # 2 observations, 3 coordinates and 6 of two of them
    assert "over 18 quantities" in table.to_text([block], [])


class Bottomless(ppgen.Model):
    """No data are likely: every loss is infinite."""

    @ppgen.latent
    def theta(self) -> Any:
        return dist.Normal(torch.zeros(2), 1.0).to_event(1)

    @ppgen.observed
    def x(self, theta: torch.Tensor) -> Any:
        return dist.Normal(theta.abs() * 1e38 * 1e38, 1.0).to_event(1)


def test_a_task_that_ends_by_an_error_ends_alone_and_is_named(tmp_path: Path, quick: None) -> None:
    two_moons(tmp_path)
    (tmp_path / "bottomless.npz").write_bytes((tmp_path / "two_moons.npz").read_bytes())
    tasks = {"bottomless": SimulationTask(lambda _: Bottomless()), "two_moons": SBIBM["two_moons"]}
    shown = table.to_text([sbibm_bench.sbibm(tmp_path, tasks=tasks, say=lambda _: None)], [])
    assert "bottomless by ELBO, FullRank: the likelihood ended" in " ".join(shown.split())
    assert any("simulation, Flow" in line and "—" in line and "0." in line for line in shown.splitlines())


def test_runs_a_global_posterior_of_the_users_own(tmp_path: Path, quick: None) -> None:
    """From the mode and its curvature one step is enough: the posterior is Normal(1, 1/2)."""

    class Mean(ppgen.Model):
        @ppgen.latent(local=False)
        def mu(self) -> Any:
            return dist.Normal(0.0, 1.0)

        @ppgen.observed
        def x(self, mu: torch.Tensor) -> Any:
            return dist.Normal(mu, 1.0)

    draws = 1.0 + 0.5**0.5 * np.random.default_rng(0).normal(size=400)
    np.savez(tmp_path / "mean.npz", **{"data.y": np.array([2.0]), "draws.mu": draws})  # type: ignore[arg-type]
    task = PosteriorTask(Mean, lambda arrays: {"x": arrays["y"].float()})
    block = posteriordb_bench.posteriordb(tmp_path, tasks={"mean": task}, say=lambda _: None)
    assert [(row.name, row.baseline) for row in block.rows] == [
        ("mean, FullRank, resampled", False),
        ("mean, FullRank, as it is", True),
    ]
    for row in block.rows:
        shift, narrow, wide, inside = (float(cell.value) for cell in row.cells[:4])
        assert shift < 0.2
        assert 0.85 < narrow <= wide < 1.15
        assert inside == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("name", ["gaussian_linear", "gaussian_linear_uniform", "gaussian_mixture", "slcp"])
def test_simulated_data_have_the_moments_of_the_paper(name: str) -> None:
    """Covariance of x given theta: 0.1 I, 0.1 I, (1 + 0.01) / 2 I, and of SLCP what theta says."""
    model: Any
    model, theta = SBIBM[name].make({}), {"gaussian_mixture": [3.0, -1.0], "slcp": [0.7, -2.9, -1.0, -0.9, 0.6]}
    value = torch.tensor(theta.get(name, [0.3] * 10))
    given = value.expand(40_000, -1)
    torch.manual_seed(0)
    draws = model.x(given).sample()
    mean, covariance = draws.mean(0), draws.T.cov()
    beside = math.tanh(0.6) * 1.0 * 0.81
    one = torch.tensor([[1.0, beside], [beside, 0.81**2]])
    scale = {"gaussian_mixture": 0.505}.get(name, 0.1)
    expected = torch.block_diag(*[one] * 4) if name == "slcp" else scale * torch.eye(len(value))
    where = value[:2].repeat(4) if name == "slcp" else value
    assert (mean - where).abs().max() < 0.02
    assert (covariance - expected).abs().max() < 0.03


def test_the_prior_of_the_logistic_task_is_that_of_the_paper() -> None:
    """Offset ~ Normal(0, 2);  of a filter f, F f is white, where F takes second differences and shrinks late steps."""
    model: Any = SBIBM["bernoulli_glm"].make({"design_matrix": torch.zeros(100, 10)})
    torch.manual_seed(0)
    draws = model.theta().sample((50_000,)).double()
    assert float(draws[:, 0].var()) == pytest.approx(2.0, rel=0.03)
    f = draws[:, 1:]
    white = f.clone()
    white[:, 1:] -= 2 * f[:, :-1]
    white[:, 2:] += f[:, :-2]
    white += (torch.arange(9) / 9).sqrt() * f
    assert (white.T.cov() - torch.eye(9)).abs().max() < 0.05
    assert (white.T @ draws[:, 0]).abs().max() / len(draws) < 0.05


def test_components_are_put_in_order() -> None:
    draws = {"mu": torch.tensor([[2.0, -1.0], [0.0, 1.0]]), "sigma": torch.tensor([[3.0, 4.0], [5.0, 6.0]])}
    found = POSTERIORDB["low_dim_gauss_mix-low_dim_gauss_mix"].quantities({**draws, "theta": torch.tensor([0.2, 0.2])})
    assert found["mu"].tolist() == [[-1.0, 2.0], [0.0, 1.0]]
    assert found["sigma"].tolist() == [[4.0, 3.0], [5.0, 6.0]]
    assert torch.allclose(found["theta"], torch.tensor([0.8, 0.2]))
