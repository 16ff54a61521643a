"""Plain torch networks. Each accepts any batch dimensions in front of the event."""

__all__ = [
    "MLP",
    "BernoulliLikelihood",
    "CategoricalLikelihood",
    "CausalImageNetwork",
    "ContinuousBernoulliLikelihood",
    "Critic",
    "DiscretizedLogisticLikelihood",
    "Flow",
    "FlowDistribution",
    "GatedMLP",
    "GatedPixelCNN",
    "GatedTransition",
    "Gaussian",
    "GaussianLikelihood",
    "ImageDecoder",
    "ImageEncoder",
    "InBlocks",
    "Likelihood",
    "MaskedConv2d",
    "NegativeBinomialLikelihood",
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

from ppgen.nets.causal import MaskedConv2d
from ppgen.nets.causal_images import CausalImageNetwork
from ppgen.nets.decoders import ImageDecoder, VectorDecoder, decoder
from ppgen.nets.encoders import Critic, ImageEncoder, VectorEncoder, critic, encoder
from ppgen.nets.flow import Flow, FlowDistribution
from ppgen.nets.gated_pixelcnn import GatedPixelCNN
from ppgen.nets.in_blocks import InBlocks
from ppgen.nets.layers import MLP, GatedMLP, Gaussian, PseudoInputs, ResidualBlock, join, one_hot, over_batch
from ppgen.nets.likelihoods import (
    BernoulliLikelihood,
    CategoricalLikelihood,
    ContinuousBernoulliLikelihood,
    DiscretizedLogisticLikelihood,
    GaussianLikelihood,
    Likelihood,
    NegativeBinomialLikelihood,
)
from ppgen.nets.sequences import GatedTransition, SequenceEncoder, Smoother
