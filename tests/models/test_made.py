"""MADE as a model: one set of masks in a training step, the mixture of all afterwards; vectors of real numbers too."""

from __future__ import annotations

import pyro
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen import zoo
from ppgen.models import MADE


def all_bits() -> Tensor:
    return (torch.arange(64).unsqueeze(-1) >> torch.arange(6) & 1).float().reshape(-1, 1, 2, 3)


def log_prob(model: MADE, x: Tensor) -> Tensor:
    trace = pyro.poutine.trace(model).get_trace({"x": x})
    trace.compute_log_prob()
    return trace.nodes["x"]["log_prob"].detach()


def test_training_takes_one_set_of_masks_and_evaluation_the_mixture_of_all() -> None:
    torch.manual_seed(0)
    model, x = MADE((1, 2, 3), (20,), 3, "random"), all_bits()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    mixture = log_prob(model.eval(), x)
    assert abs(mixture.double().exp().sum() - 1.0) < 1e-5
    seen = {tuple(log_prob(model.train(), x).tolist()) for _ in range(30)}
    assert len(seen) == 3
    members = torch.tensor(sorted(seen))
    torch.testing.assert_close(members.double().exp().mean(0).log(), mixture.double(), rtol=1e-5, atol=1e-5)
    assert (members.sum(1) < mixture.sum() + 1e-3).any()


def test_a_fit_to_several_orders_learns_and_cannot_be_completed_in_one() -> None:
    x = torch.rand(400, 1, 1, 1, generator=torch.Generator().manual_seed(0)).round().expand(400, 1, 2, 3).contiguous()
    model = MADE((1, 2, 3), (32,), 4, "random")
    fit = ppgen.fit(model, x, max_epochs=40, learning_rate=0.02, device="cpu", progress=False)
    assert fit.log_prob().value > -1.2, "one bit is 0.69 nats, six independent ones are 4.2"
    mask = torch.tensor([[1, 1, 1], [0, 0, 0]]).bool()
    with pytest.raises(ppgen.Unanswerable, match="not drawn in one order") as caught:
        fit.complete(x[:3], mask)
    assert "Ensemble" in str(caught.value)


def test_real_vectors_by_a_mixture_beat_a_normal() -> None:
    # x_0 = +-1 with noise of 0.2, x_1 = -x_0 / 2 with noise of 0.2: a bit, and two normals.
    generator = torch.Generator().manual_seed(0)
    sign = torch.rand(1500, 1, generator=generator).round() * 2 - 1
    first = sign + 0.2 * torch.randn(1500, 1, generator=generator)
    x = torch.cat([first, -0.5 * first + 0.2 * torch.randn(1500, 1, generator=generator)], 1)
    data = ppgen.data.from_tensors(x)
    model, guide, objective = zoo.build("made", data, hidden=(16,))
    settings = {"max_epochs": 20, "learning_rate": 0.02, "schedule": "cosine", "device": "cpu", "progress": False}
    fit = ppgen.fit(model, data, guide=guide, objective=objective, **settings)
    entropy = 2 * (0.5 * torch.log(torch.tensor(2 * torch.pi * torch.e * 0.04))).item() + 0.6931
    assert fit.log_prob(x).value > -entropy - 0.15
    normal = torch.distributions.MultivariateNormal(x.mean(0), x.T.cov())
    assert fit.log_prob(x).value > normal.log_prob(x).mean() + 0.5
    assert fit.measure == "continuous"
    half = fit.complete(x[:5], torch.tensor([True, False])).only
    assert torch.equal(half[:, 0], x[:5, 0])
