"""The simulators of ``ppgen bench sbibm`` that solve differential equations, against a solver of SciPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from ppgen.zoo.sbibm_tasks import SBIBM

EPIDEMIC = torch.tensor([[0.4, 0.125], [0.25, 0.1], [1.2, 0.2]])
ANIMALS = torch.tensor([[0.9, 0.05, 0.9, 0.05], [0.55, 0.028, 0.84, 0.026], [2.0, 0.15, 1.5, 0.1]])


def drawn(name: str, theta: torch.Tensor, rows: int) -> np.ndarray:
    """[thetas, rows, ...]"""
    model: Any = SBIBM[name].make({})
    torch.manual_seed(0)
    return model.x(theta.repeat_interleave(rows, 0)).reshape(len(theta), rows, -1).double().numpy()


@pytest.mark.parametrize("place", range(len(EPIDEMIC)))
def test_the_infected_of_an_epidemic(place: int) -> None:
    contact, recovery = EPIDEMIC[place].tolist()
    days = np.arange(10) * 17.0
    path = solve_ivp(
        lambda _, y: [-contact * y[0] * y[1], contact * y[0] * y[1] - recovery * y[1]],
        (0, 160),
        [1 - 1e-6, 1e-6],
        t_eval=days,
        rtol=1e-9,
        atol=1e-12,
    ).y[1]
    found = drawn("sir", EPIDEMIC[place : place + 1], 4000)[0]
    assert np.abs(found.mean(0) - 1000 * path).max() < 5 * (1000 * 0.25 / 4000) ** 0.5
    assert np.allclose(found.var(0), 1000 * path * (1 - path), rtol=0.15, atol=0.5)


@pytest.mark.parametrize("place", range(len(ANIMALS)))
def test_predators_and_prey(place: int) -> None:
    a, b, c, d = ANIMALS[place].tolist()
    path = solve_ivp(
        lambda _, y: [a * y[0] - b * y[0] * y[1], d * y[0] * y[1] - c * y[1]],
        (0, 20),
        [30.0, 1.0],
        t_eval=np.arange(10) * 2.1,
        rtol=1e-9,
        atol=1e-12,
    ).y.reshape(-1)
    found = np.log(drawn("lotka_volterra", ANIMALS[place : place + 1], 4000)[0])
    assert np.abs(found.mean(0) - np.log(path)).max() < 0.02
    assert np.allclose(found.std(0), 0.1, rtol=0.06)


@pytest.mark.parametrize("name", ["sir", "lotka_volterra"])
def test_whatever_the_prior_gives_there_are_data(name: str) -> None:
    model: Any = SBIBM[name].make({})
    torch.manual_seed(0)
    with torch.no_grad():
        found = model(size=20_000)["x"]
    assert found.isfinite().all()
    assert (found >= 0).all()
