"""Muon: torch's own for matrices, kernels as matrices, torch's Adam for all else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.models import VAE
from ppgen.objectives import Player
from ppgen.training import Muon
from ppgen.training.muon import orthogonalised
from ppgen.training.optimizers import TorchOptimizer, make_optimizer
from tests.oracles.state import same, state_of

X = torch.bernoulli(torch.full((48, 4), 0.5, dtype=torch.float32), generator=torch.Generator().manual_seed(0))


def walk(optimizer: Any, parameters: list[nn.Parameter], steps: int = 3) -> list[Tensor]:
    """Steps on gradients of seed 0."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    return [parameter.detach().clone() for parameter in parameters]


def zeros(*shapes: tuple[int, ...]) -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(shape)) for shape in shapes]


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 5), (1, 4)])
def test_a_matrix_keeps_its_singular_vectors_and_loses_its_singular_values(shape: tuple[int, int]) -> None:
    matrix = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    values = left.mT @ orthogonalised(matrix) @ right.mT
    diagonal = values.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(values, diagonal.diag_embed(), atol=1e-5, rtol=0.0)
    assert diagonal.min() > 0.65
    assert diagonal.max() < 1.25


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
def test_a_matrix_moves_as_by_torchs_muon() -> None:
    ours, theirs = zeros((6, 9), (6, 9), (4, 3)), zeros((6, 9), (6, 9), (4, 3))
    their = torch.optim.Muon(theirs, lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    for one, other in zip(walk(Muon(ours, lr=0.1), ours), walk(their, theirs), strict=True):
        assert (one - other).norm() < 0.02 * other.norm()  # torch computes the direction in bfloat16


def test_a_kernel_moves_as_the_matrix_of_its_outputs() -> None:
    for layout in (torch.contiguous_format, torch.channels_last):
        kernel, matrix = zeros((6, 3, 2, 5))[0], zeros((6, 30))[0]
        kernel.data = kernel.data.to(memory_format=layout)
        moved = walk(Muon([kernel], lr=0.1), [kernel])[0].flatten(1)
        torch.testing.assert_close(moved, walk(Muon([matrix], lr=0.1), [matrix])[0])


def test_what_is_no_matrix_moves_as_by_torchs_adam() -> None:
    ours, theirs = zeros((5,), (2, 3, 4), ()), zeros((5,), (2, 3, 4), ())
    adam = torch.optim.Adam(theirs, lr=0.1, betas=(0.9, 0.99), fused=True)
    assert all(map(torch.equal, walk(Muon(ours, lr=0.1), ours), walk(adam, theirs)))


def test_what_has_no_gradient_stays() -> None:
    moved, kept = nn.Linear(3, 2), nn.Linear(3, 2)
    before = [p.detach().clone() for p in kept.parameters()]
    start = moved(torch.ones(3)).sum()

    def loss() -> float:
        moved(torch.ones(3)).sum().backward()
        return start.item()

    assert Muon([*moved.parameters(), *kept.parameters()], lr=0.1).step(loss) == start.item()
    assert moved(torch.ones(3)).sum() < start
    assert all(map(torch.equal, kept.parameters(), before))


def test_a_direction_is_the_same_under_autocast() -> None:
    matrix = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        inside = orthogonalised(matrix)
    assert torch.equal(inside, orthogonalised(matrix))


def test_its_name_makes_it_with_the_settings_of_a_player() -> None:
    made = make_optimizer("muon", Player("one", [nn.Linear(3, 2)], optimizer={"betas": (0.5, 0.9)}), 0.01)
    assert isinstance(made, TorchOptimizer)
    assert isinstance(made.made, Muon)
    assert made.made.param_groups[0]["betas"] == (0.5, 0.9)


def test_a_fit_by_it_is_taken_up_to_the_bit(tmp_path: Path) -> None:
    def fit(**settings: Any) -> ppgen.fitted.Fit:
        torch.manual_seed(0)
        return ppgen.fit(VAE((4,), 2, hidden=(4,)), X, optimizer="muon", batch_size=16, progress=False, **settings)

    straight = fit(max_epochs=4)
    fit(max_epochs=2, out=tmp_path / "run")
    assert same(state_of(fit(max_epochs=4, out=tmp_path / "run", resume=True)), state_of(straight))
