"""Guides from networks that return distributions: for a model that holds its own posterior."""

from __future__ import annotations

__all__ = ["NetworkGuide", "TwoLevelNetworkGuide"]

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ppgen.checked import checked
from ppgen.declare import Guide, latent


class NetworkGuide(Guide):
    """``q(z | x) = posterior(x)``, for a latent z and data x.

    The network may be part of the model, as that of a VampPrior is: what guide and model share is trained once.

    Args:
        posterior: maps x ``[batch, ...]`` to the distribution of z.

    Example:
        >>> import torch
        >>> from ppgen.models import VampPriorVAE
        >>> model = VampPriorVAE(x_shape=(1, 8, 8), latent_dim=3, num_components=10)
        >>> NetworkGuide(model.posterior)({"x": torch.zeros(5, 1, 8, 8)})["z"].shape
        torch.Size([5, 3])
    """

    @checked
    def __init__(self, posterior: Callable[..., Any]) -> None:
        super().__init__()
        self.posterior = posterior

    @latent
    def z(self, x: Tensor) -> Any:
        """Whatever the network says of z."""
        return self.posterior(x)


class TwoLevelNetworkGuide(Guide):
    """``q(z2 | x) q(z1 | x, z2) = top(x) bottom(x, z2)``, for latents ``z2 -> z1`` and data x.

    Args:
        top: maps x to the distribution of z2.
        bottom: maps x and z2 to the distribution of z1.

    Example:
        >>> import torch
        >>> from ppgen import nets
        >>> from ppgen.models import VampPriorHierarchicalVAE
        >>> model = VampPriorHierarchicalVAE(x_shape=(1, 8, 8), latent_dims=(4, 3), num_components=10)
        >>> bottom = nets.Gaussian(nets.GatedMLP([(1, 8, 8), (3,)], hidden=(32,)), 32, 4)
        >>> guide = TwoLevelNetworkGuide(model.posterior, bottom)
        >>> guide({"x": torch.zeros(5, 1, 8, 8)})["z1"].shape
        torch.Size([5, 4])
    """

    @checked
    def __init__(self, top: Callable[..., Any], bottom: Callable[..., Any]) -> None:
        super().__init__()
        self.top, self.bottom = top, bottom

    @latent
    def z2(self, x: Tensor) -> Any:
        """The top layer, from the data alone."""
        return self.top(x)

    @latent
    def z1(self, x: Tensor, z2: Tensor) -> Any:
        """The bottom layer, from the data and the layer above."""
        return self.bottom(x, z2)
