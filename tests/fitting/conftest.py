from __future__ import annotations

from tests.oracles.small_fits import float64, grey, noisy_fit, vae_fit

__all__ = ["float64", "grey", "noisy_fit", "vae_fit"]
