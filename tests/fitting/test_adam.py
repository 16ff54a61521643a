from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from ppgen.fitting.adam import Adam


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape)) for shape in ((3, 4), (5,), (), (2, 2, 2))]


def set_gradients(*groups: list[nn.Parameter], step: int, missing: int | None = None) -> None:
    torch.manual_seed(100 + step)
    for i, twins in enumerate(zip(*groups, strict=True)):
        gradient = torch.randn_like(twins[0])
        for parameter in twins:
            parameter.grad = None if i == missing else gradient.clone()


def test_it_is_torchs_own_bit_for_bit() -> None:
    """Also with another learning rate midway, and with a parameter that has no gradient in some steps."""
    own, theirs = parameters(), parameters()
    adam = Adam(own, 0.01, betas=(0.8, 0.99))
    reference = torch.optim.Adam(theirs, lr=0.01, betas=(0.8, 0.99), fused=True)
    for step in range(20):
        set_gradients(own, theirs, step=step, missing=step % 7)
        if step == 10:
            adam.learning_rate = reference.param_groups[0]["lr"] = 0.003
        adam.step()
        reference.step()
        assert all(torch.equal(a, b) for a, b in zip(own, theirs, strict=True))


def test_restored_state_goes_on_exactly() -> None:
    own, others = parameters(), parameters()
    first, second = Adam(own, 0.01), Adam(others, 0.01)
    for step in range(5):
        set_gradients(own, step=step)
        first.step()
    second.restore({name: [t.clone() for t in tensors] for name, tensors in first.state().items()})
    with torch.no_grad():
        for a, b in zip(own, others, strict=True):
            b.copy_(a)
    set_gradients(own, others, step=9)
    first.step()
    second.step()
    assert all(torch.equal(a, b) for a, b in zip(own, others, strict=True))


def test_a_skipped_step_leaves_no_trace() -> None:
    own, others = parameters(), parameters()
    adam, reference = Adam(own, 0.01), Adam(others, 0.01)
    set_gradients(own, others, step=0)
    own[0].grad.fill_(float("nan"))
    adam.step(skip=torch.ones(()))
    assert all(torch.equal(a, b) for a, b in zip(own, others, strict=True))
    for step in (1, 2):
        set_gradients(own, others, step=step)
        adam.step(skip=torch.zeros(()))
        reference.step()
    assert all(torch.equal(a, b) for a, b in zip(own, others, strict=True))


def test_gradients_are_gathered_and_cleared() -> None:
    own = parameters()
    adam = Adam(own, 0.01)
    set_gradients(own, step=0, missing=1)
    assert [g.shape for g in adam.gradients()] == [p.shape for i, p in enumerate(own) if i != 1]
    adam.clear()
    assert adam.gradients() == []


@pytest.mark.slow
def test_a_fit_does_not_import_the_compiler() -> None:
    """Making any of torch's own optimizers does, which takes longer than fitting digits."""
    code = (
        "import sys, ppgen; from ppgen.models import VAE; "
        "ppgen.fit(VAE((1, 8, 8)), max_epochs=1, progress=False); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
