"""Bayesian logistic regression: a classifier whose weights are latent."""

from __future__ import annotations

__all__ = ["BayesianLogisticRegression"]

import pyro.distributions as dist
import torch

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed


class BayesianLogisticRegression(Model):
    """W ~ Normal(0, scale), once;  y | x ~ Categorical(logits = (0, W (x, 1))).

    The weights are global, x is a covariate, the label y is what is observed: log p(y | x). Class 0 has the logit 0,
    so that the other weights mean something each. With two classes it is the usual model, the logit being
    log p(y = 1) - log p(y = 0). The model has no parameters: all there is to learn is a posterior over W.

    Reference: D. Spiegelhalter and S. Lauritzen, "Sequential updating of conditional probabilities on directed
    graphical structures", 1990; T. Jaakkola and M. Jordan, "Bayesian parameter estimation via variational methods",
    2000.

    Fit with: ``ppgen.guides.FullRank(model)``, ``ppgen.ELBO()``.

    Args:
        x_dim: size of the covariate x.
        num_classes: labels are ``0 .. num_classes - 1``.
        scale: the prior's standard deviation of each weight.

    Example:
        >>> BayesianLogisticRegression(x_dim=5)({"x": torch.zeros(3, 5)})["y"].shape
        torch.Size([3])
    """

    @checked
    def __init__(self, x_dim: int, num_classes: int = 2, scale: float = 1.0) -> None:
        super().__init__()
        self.x_dim, self.num_classes, self.scale = x_dim, num_classes, scale

    @latent(local=False)
    def weights(self) -> dist.TorchDistribution:
        """How each coordinate of x speaks for each class but the first, ``[num_classes - 1, x_dim + 1]``."""
        return dist.Normal(0.0, self.scale).expand_by([self.num_classes - 1, self.x_dim + 1]).to_event(2)

    @observed
    def y(self, weights: torch.Tensor, x: torch.Tensor) -> dist.TorchDistribution:
        """The label."""
        with_one = torch.cat([x, torch.ones_like(x[..., :1])], -1)
        others = (weights @ with_one.unsqueeze(-1)).squeeze(-1)
        return dist.Categorical(logits=nets.join(torch.zeros_like(others[..., :1]), others))
