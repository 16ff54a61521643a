"""Spectral norms: every affine map and convolution of a network, divided by its largest singular value."""

from __future__ import annotations

from typing import TypeVar

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["with_spectral_norms"]

Module = TypeVar("Module", bound=nn.Module)

_MAPS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def with_spectral_norms(network: Module) -> Module:
    """Divide the weights of every affine map and convolution by their spectral norm, at each call and by torch's rule.

    An affine map then stretches nothing, and a network of such maps and of activations with slopes within [-1, 1] is
    1-Lipschitz. Of a convolution it is the matrix ``[out, in * height * width]`` that is normalised, as in the paper:
    the map itself may stretch by up to the root of the kernel's overlap. The norm is followed by one power iteration a
    call in training, from a start of 15; its vectors are buffers, kept with the weights.

    Reference: T. Miyato et al., "Spectral normalization for generative adversarial networks", 2018 (arXiv 1802.05957).

    Args:
        network: changed in place.

    Returns:
        The network.

    Example:
        >>> import torch
        >>> layer = with_spectral_norms(nn.Linear(4, 3)).eval()
        >>> bool((torch.linalg.svdvals(layer.weight)[0] - 1).abs() < 0.01)
        True
    """
    for part in list(network.modules()):
        if isinstance(part, _MAPS):
            spectral_norm(part)
    return network
