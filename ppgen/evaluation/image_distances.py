"""How near an image is to the true one, pixel by pixel and by its structure: PSNR and SSIM."""

from __future__ import annotations

__all__ = ["psnr", "ssim"]

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from ppgen.errors import DataError

_SIDE, _SPREAD = 11, 1.5  # pixels, of the window
_K1, _K2 = 0.01, 0.03


def psnr(made: Tensor, truth: Tensor, white: float = 1.0) -> Tensor:
    """The peak signal-to-noise ratio of each image: ``10 log10(white^2 / mean squared error)``.

    Args:
        made: images [N, C, H, W].
        truth: what they should be, likewise.
        white: the highest value that a pixel can have.

    Returns:
        [N], in decibels, float64; infinite where an image is the true one.

    Raises:
        DataError: for images of different shapes.

    Example:
        >>> round(psnr(torch.full((1, 1, 8, 8), 0.1), torch.zeros(1, 1, 8, 8)).item(), 3)
        20.0
    """
    error = (_doubles(made, truth)[0] - truth.double()).square().flatten(1).mean(1)
    return 10 * (white**2 / error).log10()


def ssim(made: Tensor, truth: Tensor, white: float = 1.0) -> Tensor:
    """The structural similarity of each image: means, variances and covariance within windows, compared.

    ``(2 m_x m_y + c1)(2 s_xy + c2) / ((m_x^2 + m_y^2 + c1)(s_x^2 + s_y^2 + c2))``, with ``c1 = (0.01 white)^2`` and
    ``c2 = (0.03 white)^2``, in Gaussian windows of 11 x 11 pixels and standard deviation 1.5 that lie inside the image,
    averaged over windows and channels.

    Reference: Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004,
    equation 13.

    Args:
        made: images [N, C, H, W], of 11 pixels each way at least.
        truth: what they should be, likewise.
        white: the highest value that a pixel can have.

    Returns:
        [N], at most 1, float64; 1 where an image is the true one.

    Raises:
        DataError: for images of different shapes, or smaller than a window.

    Example:
        >>> round(ssim(torch.ones(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)).item(), 3)
        0.0
    """
    x, y = _doubles(made, truth)
    if min(x.shape[2:]) < _SIDE:
        raise DataError(
            "ssim: the images are smaller than a window",
            expected=f"{_SIDE} pixels each way at least",
            got=f"{x.shape[2]} x {x.shape[3]}",
            fix="psnr, or larger images",
            code="D117",
        )
    channels = x.shape[1]
    along = torch.exp(-((torch.arange(_SIDE, dtype=x.dtype) - _SIDE // 2) ** 2) / (2 * _SPREAD**2))
    along = (along / along.sum()).to(x.device)
    window = (along[:, None] * along).expand(channels, 1, _SIDE, _SIDE)

    def local(values: Tensor) -> Tensor:
        return conv2d(values, window, groups=channels)

    mean_x, mean_y = local(x), local(y)
    var_x, var_y = local(x * x) - mean_x**2, local(y * y) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * white) ** 2, (_K2 * white) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (luminance * (2 * covariance + c2) / (var_x + var_y + c2)).flatten(1).mean(1)


def _doubles(made: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    if made.shape != truth.shape or made.dim() != 4:
        raise DataError(
            "the images and the true ones are not of one shape",
            expected="[N, C, H, W], both",
            got=f"{list(made.shape)} and {list(truth.shape)}",
            fix="made[:, None], if the channel is missing",
            code="D118",
        )
    return made.double(), truth.double()
