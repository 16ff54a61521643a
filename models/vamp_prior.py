"""VAEs whose prior is a mixture of their own posteriors, at learned pseudo-inputs: one layer of latents, and two."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import pyro.distributions as dist
from torch import Tensor, nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed
from ppgen.distributions import EqualMixture

__all__ = ["VampPriorHierarchicalVAE", "VampPriorVAE"]


class VampPriorVAE(Model):
    """z ~ 1/K sum_k posterior(z | u_k);  x | z ~ likelihood(decoder(z)), with learned pseudo-inputs u_1 .. u_K.

    The prior that maximises the ELBO is the posterior averaged over the data; K learned images stand for the data. So
    the model holds the guide's network. A fit may begin at images of the data: ``model.pseudo_inputs.start_at(x[:K])``.

    Reference: J. Tomczak and M. Welling, "VAE with a VampPrior", 2018 (arXiv 1705.07120).

    Fit with: ``ppgen.guides.NetworkGuide(model.posterior)``, ``ppgen.ELBO()``.

    Args:
        x_shape: shape of one data point.
        latent_dim: size of z.
        num_components: K.
        hidden: widths of the gated layers, the data's end first.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.

    Example:
        >>> VampPriorVAE(x_shape=(1, 8, 8), latent_dim=3, num_components=10)(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dim: int = 40,
        num_components: int = 500,
        hidden: Sequence[int] = (300, 300),
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape, self.likelihood = tuple(x_shape), likelihood or nets.BernoulliLikelihood(x_shape)
        self.posterior = nets.Gaussian(nets.GatedMLP([self.x_shape], hidden), hidden[-1], latent_dim)
        gated, shape = nets.GatedMLP([(latent_dim,)], hidden[::-1]), self.likelihood.shape
        self.decoder = nn.Sequential(gated, nn.Linear(hidden[0], prod(shape)), nn.Unflatten(-1, shape))
        self.pseudo_inputs = nets.PseudoInputs(num_components, self.x_shape)

    @latent
    def z(self) -> dist.TorchDistribution:
        """What the image is of: like one of the pseudo-inputs."""
        return EqualMixture(self.posterior(self.pseudo_inputs()))

    @observed
    def x(self, z: Tensor) -> dist.TorchDistribution:
        """The pixels, given z."""
        return self.likelihood(self.decoder(z))


class VampPriorHierarchicalVAE(Model):
    """z2 ~ 1/K sum_k posterior(z2 | u_k);  z1 | z2 ~ Normal(mu(z2), sigma(z2));  x | z1, z2 ~ likelihood(decoder(z)).

    A top layer under its own averaged posterior stays in use. The model holds q(z2 | x)'s network, as its guide does.

    Reference: the same paper.

    Fit with: ``ppgen.guides.TwoLevelNetworkGuide(model.posterior, bottom)``, ``ppgen.ELBO(warmup=5.0)``; bottom is
    q(z1 | x, z2): ``nets.Gaussian(nets.GatedMLP([x_shape, (z2_dim,)], hidden), hidden[-1], z1_dim)``.

    Args:
        x_shape: shape of one data point.
        latent_dims: sizes of z1 and z2, the data's end first.
        num_components, hidden, likelihood: as of :class:`VampPriorVAE`.

    Example:
        >>> VampPriorHierarchicalVAE(x_shape=(1, 8, 8), latent_dims=(4, 3), num_components=10)(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        latent_dims: tuple[int, int] = (40, 40),
        num_components: int = 500,
        hidden: Sequence[int] = (300, 300),
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape, self.likelihood = tuple(x_shape), likelihood or nets.BernoulliLikelihood(x_shape)
        z1_dim, z2_dim = latent_dims
        self.posterior = nets.Gaussian(nets.GatedMLP([self.x_shape], hidden), hidden[-1], z2_dim)
        self.conditional = nets.Gaussian(nets.GatedMLP([(z2_dim,)], hidden), hidden[-1], z1_dim)
        self.features = nets.GatedMLP([(z1_dim,), (z2_dim,)], hidden[::-1])
        shape = self.likelihood.shape
        self.logits = nn.Sequential(nn.Linear(hidden[0], prod(shape)), nn.Unflatten(-1, shape))
        self.pseudo_inputs = nets.PseudoInputs(num_components, self.x_shape)

    @latent
    def z2(self) -> dist.TorchDistribution:
        """What the image is of: like one of the pseudo-inputs."""
        return EqualMixture(self.posterior(self.pseudo_inputs()))

    @latent
    def z1(self, z2: Tensor) -> dist.TorchDistribution:
        """How it looks, given what it is of."""
        return self.conditional(z2)

    @observed
    def x(self, z1: Tensor, z2: Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given both layers."""
        return self.likelihood(self.logits(self.features(z1, z2)))
