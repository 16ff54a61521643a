from __future__ import annotations

import pyro
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.nn.functional import logsigmoid

from ppgen.guides import FullRank
from ppgen.inference.bound import elbo_parts
from ppgen.models import BayesianLogisticRegression
from tests.oracles.ascent import train


def data() -> dict[str, Tensor]:
    x = torch.randn(40, 1) * 2.0
    return {"x": x, "y": (x.squeeze(1) + torch.randn(40) > 0.5).long()}


def log_joint(weights: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """``log p(w) + sum_i log p(y_i | x_i, w)`` for weights [..., 2], by hand."""
    logits = weights[..., :1] * batch["x"].squeeze(1) + weights[..., 1:]
    signs = 2.0 * batch["y"] - 1.0
    return Normal(0.0, 1.0).log_prob(weights).sum(-1) + logsigmoid(signs * logits).sum(-1)


def test_two_classes_are_the_usual_model():
    batch, weights = data(), torch.tensor([[0.7, -1.3]])
    model = pyro.poutine.condition(BayesianLogisticRegression(x_dim=1), data={"weights": weights})
    trace = pyro.poutine.trace(model).get_trace(batch, 40)
    torch.testing.assert_close(trace.log_prob_sum(), log_joint(weights[0], batch))


def test_bound_meets_the_evidence_on_a_grid():
    batch = data()
    line = torch.linspace(-5.0, 5.0, 201)
    joint = log_joint(torch.cartesian_prod(line, line), batch)
    evidence = joint.double().logsumexp(0) + 2 * torch.tensor(0.05).log()

    model = BayesianLogisticRegression(x_dim=1)
    guide = FullRank(model).setup(batch)
    train(model, guide, batch, 300, 0.05)
    with torch.no_grad():
        draws = [elbo_parts(model, guide, batch, 40) for _ in range(300)]
    bound = -40 * torch.stack([d.distortion + d.rate for d in draws])
    error = float(bound.std() / len(bound) ** 0.5)
    assert bound.mean() < evidence + 3 * error, "a bound above log p(y | x)"
    assert bound.mean() > evidence - 0.15, "the posterior of 40 labels is nearly Gaussian"
