"""A generative story is a density: summed over all data and integrated over all latents, it is one."""

from __future__ import annotations

from itertools import product
from math import prod

import pyro
import pytest
import torch
from torch import Tensor

from ppgen.declare import Model
from ppgen.models import (
    DiagonalBiLSTM,
    DiscreteVAE,
    FlowPriorVAE,
    GatedPixelCNN,
    HierarchicalVAE,
    LadderVAE,
    MaskedVAE,
    MixtureVAE,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelVAE,
    RowLSTM,
    SemiSupervisedVAE,
    VampPriorHierarchicalVAE,
    VampPriorVAE,
)

PIXELS = (3,)
IMAGE = (1, 2, 2)


def all_data(shape: tuple[int, ...]) -> Tensor:
    """Every binary value of a shape."""
    return torch.tensor(list(product([0.0, 1.0], repeat=prod(shape)))).reshape(-1, *shape)


def lattice(step: float, dims: int) -> tuple[Tensor, float]:
    """Points [N, dims] of a grid over [-9, 9], and the volume that each stands for."""
    line = torch.arange(-9.0, 9.0, step)
    return torch.cartesian_prod(*[line] * dims).reshape(-1, dims), step**dims


def total(
    model: Model, latents: dict[str, Tensor], volume: float, shape: tuple[int, ...], given: dict[str, Tensor]
) -> Tensor:
    """``sum_x sum_z p(x, z) volume`` over every x of a shape and the given values of the latents."""
    points = len(next(iter(latents.values())))
    result = torch.zeros((), dtype=torch.float64)
    for x in all_data(shape):
        batch = {"x": x.expand(points, *shape), **{key: v.expand(points, *v.shape) for key, v in given.items()}}
        with torch.no_grad():
            trace = pyro.poutine.trace(pyro.poutine.condition(model, data=latents)).get_trace(batch, points)
            trace.compute_log_prob()
        log_joint = sum(trace.nodes[name]["log_prob"] for name in model.sites)
        result += log_joint.double().exp().sum() * volume
    return result


def nearby(model: MixtureVAE) -> MixtureVAE:
    """With clusters inside the grid."""
    model.loc.data.clamp_(-2.0, 2.0)
    return model


def continuous(model: Model, dims: dict[str, int], step: float) -> tuple[dict[str, Tensor], float]:
    grid, volume = lattice(step, sum(dims.values()))
    return dict(zip(dims, grid.split(list(dims.values()), -1), strict=True)), volume


@pytest.mark.parametrize(
    ("model", "dims", "step"),
    [
        (lambda: HierarchicalVAE(PIXELS, (1, 1)), {"z2": 1, "z1": 1}, 0.2),
        (lambda: LadderVAE(PIXELS, (1, 1, 1), width=16), {"z3": 1, "z2": 1, "z1": 1}, 0.5),
        (lambda: VampPriorVAE(PIXELS, 1, 4, (16,)), {"z": 1}, 0.1),
        (lambda: VampPriorHierarchicalVAE(PIXELS, (1, 1), 4, (16,)), {"z2": 1, "z1": 1}, 0.2),
        (lambda: FlowPriorVAE(PIXELS, 2, width=16), {"z": 2}, 0.1),
    ],
    ids=["HierarchicalVAE", "LadderVAE", "VampPriorVAE", "VampPriorHierarchicalVAE", "FlowPriorVAE"],
)
def test_continuous_latents(model, dims, step):
    latents, volume = continuous(model, dims, step)
    assert abs(total(model(), latents, volume, PIXELS, {}) - 1.0) < 1e-4


@pytest.mark.parametrize(
    ("model", "discrete"),
    [(lambda: nearby(MixtureVAE(PIXELS, 4, 1)), "c"), (lambda: SemiSupervisedVAE(PIXELS, 4, 1), "y")],
    ids=["MixtureVAE", "SemiSupervisedVAE"],
)
def test_a_discrete_latent_beside_a_continuous_one(model, discrete):
    grid, volume = lattice(0.1, 1)
    latents = {"z": grid.repeat(4, 1), discrete: torch.arange(4).repeat_interleave(len(grid))}
    assert abs(total(model(), latents, volume, PIXELS, {}) - 1.0) < 1e-4


def test_two_discrete_latents():
    letters = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    latents = {"c1": letters[:, 0], "c2": letters[:, 1]}
    assert abs(total(DiscreteVAE(PIXELS, 3, 2), latents, 1.0, PIXELS, {}) - 1.0) < 1e-4


def test_images_of_which_some_pixels_are_given():
    # Images that contradict what is given have no mass at all.
    mask = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    given = {"given": mask * torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]), "mask": mask}
    model = MaskedVAE(IMAGE, latent_dim=1, width=16)
    grid, volume = lattice(0.1, 1)
    assert abs(total(model, {"z": grid}, volume, IMAGE, given) - 1.0) < 1e-4


def test_images_drawn_pixel_by_pixel():
    grid, volume = lattice(0.25, 1)
    model = PixelVAE(IMAGE, latent_dim=1, channels=8, width=16)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # so that pixels depend on each other, and on z
    assert abs(total(model, {"z": grid}, volume, IMAGE, {}) - 1.0) < 1e-4


@pytest.mark.parametrize("kind", [DiagonalBiLSTM, GatedPixelCNN, PixelCNN, PixelCNNPlusPlus, RowLSTM])
def test_images_that_are_drawn_without_a_latent(kind):
    model = kind((1, 3, 3), 4, 2)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    trace = pyro.poutine.trace(model).get_trace({"x": all_data((1, 3, 3))})
    trace.compute_log_prob()
    log_prob = trace.nodes["x"]["log_prob"].double()
    assert log_prob.shape == (512,)
    assert abs(log_prob.exp().sum() - 1.0) < 1e-5
    assert log_prob.std() > 0.5  # far from uniform, so that the sum means something
