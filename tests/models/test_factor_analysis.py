from __future__ import annotations

import pyro
import torch
from torch.distributions import LogNormal, MultivariateNormal, Normal

from ppgen.models import FactorAnalysis

ROWS, DIM, FACTORS = 5, 4, 2


def test_density_given_the_global_latents_is_the_closed_form():
    # log p(globals, x, z) - log p(z | globals, x) is the same for every z: it is log p(globals, x), in which
    # x ~ Normal(m, W W^T + diag(s^2)), and the globals count once, not once for each datum.
    model = FactorAnalysis(DIM, FACTORS)
    drawn = {k: v.double() for k, v in model(size=ROWS).items()}
    w, m, s, x = (drawn[key] for key in ("loadings", "location", "noise", "x"))
    z = torch.randn(ROWS, FACTORS).double()
    trace = pyro.poutine.trace(pyro.poutine.condition(model, data={**drawn, "z": z})).get_trace({"x": x}, ROWS)

    precision = torch.eye(FACTORS).double() + w.T @ (w / s.square()[:, None])
    mean = torch.linalg.solve(precision, (w / s.square()[:, None]).T @ (x - m).T).T
    posterior = MultivariateNormal(mean, precision_matrix=precision)
    marginal = MultivariateNormal(m, w @ w.T + s.square().diag_embed())
    prior = [Normal(0.0, 1.0).log_prob(w), Normal(0.0, 3.0).log_prob(m), LogNormal(-1.0, 1.0).log_prob(s)]
    expected = sum(part.sum() for part in prior) + marginal.log_prob(x).sum()
    torch.testing.assert_close(trace.log_prob_sum() - posterior.log_prob(z).sum(), expected, rtol=1e-6, atol=1e-6)
