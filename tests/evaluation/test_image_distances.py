"""PSNR and SSIM against closed forms, and SSIM against scipy's Gaussian filter, a window at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from ppgen.errors import DataError
from ppgen.evaluation.image_distances import psnr, ssim


def pair(channels: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    return torch.rand(3, channels, 16, 20, generator=draws), torch.rand(3, channels, 16, 20, generator=draws)


def by_scipy(x: np.ndarray, y: np.ndarray) -> float:
    def local(values: np.ndarray) -> np.ndarray:  # truncate: 5 pixels from the middle, as a window of 11 has
        return gaussian_filter(values, 1.5, truncate=5 / 1.5)[5:-5, 5:-5]

    mean_x, mean_y = local(x), local(y)
    var_x, var_y, cov = local(x * x) - mean_x**2, local(y * y) - mean_y**2, local(x * y) - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + 0.01**2) * (2 * cov + 0.03**2)
    return float((numerator / ((mean_x**2 + mean_y**2 + 0.01**2) * (var_x + var_y + 0.03**2))).mean())


def test_ssim_is_that_of_gaussian_windows() -> None:
    x, y = pair()
    expected = [by_scipy(a[0], b[0]) for a, b in zip(x.double().numpy(), y.double().numpy(), strict=True)]
    torch.testing.assert_close(ssim(x, y), torch.tensor(expected, dtype=torch.float64))


def test_ssim_of_flat_images_compares_their_brightness() -> None:
    a, b = torch.full((1, 3, 12, 12), 0.2), torch.full((1, 3, 12, 12), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert ssim(a, b).item() == pytest.approx(expected, rel=1e-4)
    assert ssim(255 * a, 255 * b, 255.0).item() == pytest.approx(expected, rel=1e-4)


def test_an_image_is_like_itself_and_channels_are_averaged() -> None:
    x, y = pair(2)
    torch.testing.assert_close(ssim(x, x), torch.ones(3, dtype=torch.float64))
    by_channel = torch.stack([ssim(x[:, [c]], y[:, [c]]) for c in range(2)]).mean(0)
    torch.testing.assert_close(ssim(x, y), by_channel)


def test_psnr_counts_decibels() -> None:
    x, y = pair()
    expected = -10 * (x - y).double().square().flatten(1).mean(1).log10()
    torch.testing.assert_close(psnr(x, y), expected, rtol=1e-6, atol=1e-6)
    assert psnr(x[:1], x[:1]).item() == float("inf")


def test_images_of_other_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="one shape"):
        psnr(torch.zeros(2, 1, 8, 8), torch.zeros(2, 8, 8))
    with pytest.raises(DataError, match="smaller than a window"):
        ssim(torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 8))
