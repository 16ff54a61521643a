"""Plain torch networks. Each accepts any batch dimensions in front of the event."""

__all__ = [
    "MADE",
    "MLP",
    "AffineTranslator",
    "BernoulliLikelihood",
    "BernoulliNoise",
    "CategoricalLikelihood",
    "CausalImageNetwork",
    "CausalTokenNetwork",
    "CausalVectorNetwork",
    "Codebook",
    "ContinuousBernoulliLikelihood",
    "Critic",
    "DiagonalBiLSTM",
    "DiscretizedLogisticLikelihood",
    "Flow",
    "FlowDistribution",
    "FullyVisibleBeliefNetwork",
    "GatedMLP",
    "GatedPixelCNN",
    "GatedTransition",
    "Gaussian",
    "GaussianLikelihood",
    "GridDecoder",
    "GridEncoder",
    "ImageDecoder",
    "ImageEncoder",
    "ImageTransformer",
    "InBlocks",
    "JoiningCritic",
    "Likelihood",
    "LogisticMixtureLikelihood",
    "MaskedConv2d",
    "ModulatedDecoder",
    "NegativeBinomialLikelihood",
    "NormalNoise",
    "OverCodes",
    "PatchCritic",
    "PixelCNN",
    "PixelCNNPlusPlus",
    "ProjectionCritic",
    "PseudoInputs",
    "ResidualBlock",
    "ResidualCritic",
    "ResidualDecoder",
    "ResidualTranslator",
    "RowLSTM",
    "SequenceEncoder",
    "SkipPixelCNN",
    "Smoother",
    "TextContext",
    "TokenLSTM",
    "TokenTransformer",
    "UNet",
    "VectorDecoder",
    "VectorEncoder",
    "as_context",
    "critic",
    "decoder",
    "encoder",
    "image_shape",
    "join",
    "one_hot",
    "one_size",
    "output_range",
    "over_batch",
    "with_spectral_norms",
]

from ppgen.nets.affine_translator import AffineTranslator
from ppgen.nets.belief_network import FullyVisibleBeliefNetwork
from ppgen.nets.causal import MaskedConv2d
from ppgen.nets.causal_images import CausalImageNetwork
from ppgen.nets.causal_tokens import CausalTokenNetwork
from ppgen.nets.causal_vectors import CausalVectorNetwork
from ppgen.nets.code_grids import GridDecoder, GridEncoder
from ppgen.nets.codebook import Codebook
from ppgen.nets.conditional_critics import JoiningCritic, ProjectionCritic
from ppgen.nets.contexts import TextContext, as_context
from ppgen.nets.decoders import ImageDecoder, VectorDecoder, decoder
from ppgen.nets.diagonal_bilstm import DiagonalBiLSTM
from ppgen.nets.encoders import Critic, ImageEncoder, VectorEncoder, critic, encoder
from ppgen.nets.flow import Flow, FlowDistribution
from ppgen.nets.gated_pixelcnn import GatedPixelCNN
from ppgen.nets.image_shapes import image_shape, one_size
from ppgen.nets.image_transformer import ImageTransformer
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
from ppgen.nets.made import MADE
from ppgen.nets.mixture_likelihood import LogisticMixtureLikelihood
from ppgen.nets.modulated_decoder import ModulatedDecoder
from ppgen.nets.observation_noise import BernoulliNoise, NormalNoise
from ppgen.nets.output_ranges import output_range
from ppgen.nets.over_codes import OverCodes
from ppgen.nets.patch_critic import PatchCritic
from ppgen.nets.pixelcnn import PixelCNN
from ppgen.nets.pixelcnn_plus_plus import PixelCNNPlusPlus
from ppgen.nets.residual_critic import ResidualCritic
from ppgen.nets.residual_decoder import ResidualDecoder
from ppgen.nets.residual_translator import ResidualTranslator
from ppgen.nets.row_lstm import RowLSTM
from ppgen.nets.sequences import GatedTransition, SequenceEncoder, Smoother
from ppgen.nets.skip_pixelcnn import SkipPixelCNN
from ppgen.nets.spectral_norms import with_spectral_norms
from ppgen.nets.token_lstm import TokenLSTM
from ppgen.nets.token_transformer import TokenTransformer
from ppgen.nets.unet import UNet
