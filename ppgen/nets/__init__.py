"""Plain torch networks. Each accepts any batch dimensions in front of the event."""

from __future__ import annotations

__all__ = [
    "MLP",
    "Critic",
    "Flow",
    "GatedMLP",
    "GatedTransition",
    "Gaussian",
    "ImageDecoder",
    "ImageEncoder",
    "MaskedConv2d",
    "PixelCNN",
    "PseudoInputs",
    "ResidualBlock",
    "SequenceEncoder",
    "Smoother",
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
from ppgen.nets.flow import Flow
from ppgen.nets.gated_mlp import GatedMLP
from ppgen.nets.gaussian import Gaussian
from ppgen.nets.labels import join, one_hot
from ppgen.nets.masked_conv import MaskedConv2d
from ppgen.nets.mlp import MLP
from ppgen.nets.pixelcnn import PixelCNN
from ppgen.nets.pseudo_inputs import PseudoInputs
from ppgen.nets.residual import ResidualBlock
from ppgen.nets.sequence_encoder import SequenceEncoder
from ppgen.nets.smoother import Smoother
from ppgen.nets.transition import GatedTransition
