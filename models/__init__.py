"""Generative models p(x, z), one idea a file."""

from __future__ import annotations

__all__ = ["GAN", "VAE", "Autoencoder", "ConditionalVAE", "PixelCNN"]

if __name__ != "ppgen.models":
    raise ImportError("this folder is the package ppgen.models: write `import ppgen.models`, not `import models`")

from ppgen.models.autoencoder import Autoencoder
from ppgen.models.conditional_vae import ConditionalVAE
from ppgen.models.gan import GAN
from ppgen.models.pixelcnn import PixelCNN
from ppgen.models.vae import VAE
