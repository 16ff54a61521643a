"""``ppgen bench``: reference draws of a folder, a table beside the published one, and nothing written."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import ppgen
from ppgen.cli import commands
from ppgen.objectives import Simulation
from ppgen.zoo import posterior_bench
from ppgen.zoo.posteriordb_tasks import POSTERIORDB
from ppgen.zoo.sbibm_tasks import SBIBM


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits of one epoch, and few draws of the model: what is tested is the way, not the guide."""
    methods = {name: (guide, what) for name, (guide, what) in posterior_bench._METHODS.items()}
    simulation = next(name for name in methods if name.startswith("simulation"))
    monkeypatch.setattr(posterior_bench, "_METHODS", methods | {simulation: (None, lambda: Simulation(200))})
    monkeypatch.setattr(posterior_bench, "fit", functools.partial(ppgen.fit, max_epochs=1))


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
    cells = next(line for line in run("posteriordb", str(tmp_path)).splitlines() if line.startswith("arK")).split()
    assert float(cells[1]) > 3  # posterior standard deviations


@pytest.mark.parametrize(
    ("arguments", "what"),
    [(["sbibm"], "has no file"), (["sbibm", "--task", "three_moons"], "there is no task 'three_moons'")],
)
def test_names_what_is_not_there(tmp_path: Path, arguments: list[str], what: str) -> None:
    result = CliRunner().invoke(commands, ["bench", arguments[0], str(tmp_path), *arguments[1:]])
    assert result.exit_code == 2
    assert what in result.output


def test_an_interval_that_is_too_narrow_covers_too_little() -> None:
    reference = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = posterior_bench.coverage(reference * torch.tensor([1.0, 0.5]), reference)
    assert torch.allclose(found, torch.tensor([0.95, 0.673], dtype=torch.float64), atol=0.015)


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


def test_components_are_put_in_order() -> None:
    draws = {"mu": torch.tensor([[2.0, -1.0], [0.0, 1.0]]), "sigma": torch.tensor([[3.0, 4.0], [5.0, 6.0]])}
    found = POSTERIORDB["low_dim_gauss_mix-low_dim_gauss_mix"].quantities({**draws, "theta": torch.tensor([0.2, 0.2])})
    assert found["mu"].tolist() == [[-1.0, 2.0], [0.0, 1.0]]
    assert found["sigma"].tolist() == [[4.0, 3.0], [5.0, 6.0]]
    assert torch.allclose(found["theta"], torch.tensor([0.8, 0.2]))
