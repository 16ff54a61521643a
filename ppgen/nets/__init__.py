"""Plain torch networks. Each accepts any batch dimensions in front of the event."""

from __future__ import annotations

__all__ = [
    "MLP",
    "Critic",
    "ImageDecoder",
    "ImageEncoder",
    "MaskedConv2d",
    "PixelCNN",
    "VectorDecoder",
    "VectorEncoder",
    "critic",
    "decoder",
    "encoder",
    "join",
    "one_hot",
    "over_batch",
]

from ppgen.nets.batching import over_batch
from ppgen.nets.critics import Critic, critic
from ppgen.nets.decoders import ImageDecoder, VectorDecoder, decoder
from ppgen.nets.encoders import ImageEncoder, VectorEncoder, encoder
from ppgen.nets.labels import join, one_hot
from ppgen.nets.masked_conv import MaskedConv2d
from ppgen.nets.mlp import MLP
from ppgen.nets.pixelcnn import PixelCNN
