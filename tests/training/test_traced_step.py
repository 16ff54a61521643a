"""A step can be traced from state and batch alone, and the trace gives its numbers to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen import guides, models
from ppgen.data import Dataset
from ppgen.objectives import TrainingPosition
from ppgen.training.fit import choose_guide, choose_objective
from ppgen.training.prepare import Minibatches, Problem, set_up
from ppgen.training.step import TrainingStep
from tests.oracles.traced_step import TracedStep

CPU = torch.device("cpu")
X_SHAPE = (1, 8, 8)
UNTRACED = {
    "semi-supervised": "the rows of a batch, and so the shapes in its graph, depend on its labels",
    "cyclegan": "its players share what is drawn in a step",
    "pix2pix": "its players share what is drawn in a step",
    "vq-vae": "its codebook follows moving averages, and moves as the loss is computed",
}


def agree(one: Tensor, other: Tensor) -> bool:
    """To the bit; before torch 2.14 convolutions in a graph have gradients of another layout, which round otherwise."""
    if torch.__version__ >= (2, 14):
        return torch.equal(one, other)
    return torch.allclose(one, other, rtol=1e-3, atol=1e-5)


def problem_of(data: Dataset, model: Any, guide: Any, objective: Any) -> Problem:
    guide, rows = choose_guide(model, guide, objective), data.representative_rows()
    set_up(model, guide, rows, CPU)
    objective = choose_objective(model, guide, objective)
    state = objective.setup(model, guide, rows)
    return Problem(objective, state, objective.players(state), data.size("train"))


def is_traced_to_the_bit(data: Dataset, problem: Problem) -> None:
    """Three steps of the traced graphs against three eager ones, with a learning rate and a schedule that change."""
    eager = TrainingStep(problem, learning_rate=1e-3, device=CPU)
    nn.ModuleList(problem.state.modules.values()).train()
    batches = list(Minibatches(data, "train", 16, CPU, 0).epoch())[:4]
    eager(batches[0], TrainingPosition())  # which looks once what the guide has of discrete sites
    traced = TracedStep(problem, eager, batches[0])
    torch.manual_seed(7)
    records, positions = [], [TrainingPosition(n, n / 10) for n in (1, 2, 3)]
    for n, position in enumerate(positions, 1):
        schedule = problem.step(batches[n], position).schedule
        records.append(traced(batches[n], schedule, torch.tensor(1e-3 * (1 - n / 10), dtype=torch.float64)))
    torch.manual_seed(7)
    for n, (position, record) in enumerate(zip(positions, records, strict=True), 1):
        eager.scale_learning_rate(1 - n / 10)
        # What a step adds of several players, the norms of their gradients, is no part of their losses' records.
        found = {key: each for key, each in eager(batches[n], position).items() if not key.endswith("_gradient_norm")}
        assert found.keys() == record.keys()
        assert all(agree(value, record[key]) for key, value in found.items()), n
    for name, tensor in [*traced.owner.named_parameters(), *traced.owner.named_buffers()]:
        assert agree(tensor, (traced.weights | traced.buffers)[name]), name


@pytest.mark.parametrize("name", [name for name in ppgen.zoo.names() if name not in UNTRACED])
def test_every_recipe_is_traced_to_the_bit(name: str) -> None:
    torch.manual_seed(0)
    data = ppgen.zoo.dataset(name)
    is_traced_to_the_bit(data, problem_of(data, *ppgen.zoo.build(name, data)))


def vae() -> models.VAE:
    return models.VAE(X_SHAPE, latent_dim=4, hidden=(16,))


def mixture() -> models.MixtureVAE:
    return models.MixtureVAE(X_SHAPE, num_clusters=3, latent_dim=2, hidden=(16,))


CASES: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "beta that rises": (vae, None, ppgen.ELBO(4.0, warmup=10)),
    "capacity that rises": (vae, None, ppgen.ELBO(capacity=5.0, warmup=5)),
    "free bits": (vae, None, ppgen.ELBO(free_bits=0.5, free_bits_per="dimension")),
    "sticking the landing, two particles": (vae, None, ppgen.ELBO(gradient="stl", num_particles=2)),
    "score": (mixture, None, ppgen.ELBO(gradient="score", num_particles=2)),
    "doubly reparameterised": (vae, None, ppgen.IWAE(3, gradient="dreg")),
    "total correlation that rises": (vae, None, ppgen.TotalCorrelation(6.0, warmup=5)),
    "wake-sleep": (vae, None, ppgen.WakeSleep(3, guide_phase="both")),
    "full rank": (vae, guides.FullRank, ppgen.ELBO()),
    "flow": (vae, guides.Flow, ppgen.ELBO()),
    "importance-weighted, classes summed out": (mixture, None, ppgen.IWAE(3)),
}


@pytest.mark.parametrize("case", CASES)
def test_objectives_and_guides_are_traced_to_the_bit(case: str) -> None:
    make, guide, objective = CASES[case]
    torch.manual_seed(0)
    data = ppgen.data.load("digits")
    is_traced_to_the_bit(data, problem_of(data, make(), guide, objective))
