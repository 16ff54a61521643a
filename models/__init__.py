"""Generative models p(x, z), one idea a file."""

__all__ = [
    "GAN",
    "MADE",
    "VAE",
    "VQVAE",
    "Autoencoder",
    "BayesianLogisticRegression",
    "BlockPixelCNN",
    "ConditionalAutoregressive",
    "ConditionalGAN",
    "ConditionalTokens",
    "ConditionalVAE",
    "CycleGAN",
    "DeepMarkovModel",
    "DiagonalBiLSTM",
    "DiscreteVAE",
    "FactorAnalysis",
    "FlowPriorVAE",
    "FullyVisibleBeliefNetwork",
    "GatedPixelCNN",
    "HierarchicalVAE",
    "ImageTransformer",
    "LadderVAE",
    "MaskedVAE",
    "MixtureVAE",
    "Pix2Pix",
    "PixelCNN",
    "PixelCNNPlusPlus",
    "PixelVAE",
    "RowLSTM",
    "SemiSupervisedVAE",
    "TableVAE",
    "TokenLSTM",
    "TokenTransformer",
    "VampPriorHierarchicalVAE",
    "VampPriorVAE",
]

if __name__ != "ppgen.models":
    raise ImportError("this folder is the package ppgen.models: write `import ppgen.models`, not `import models`")

from ppgen.models.autoencoder import Autoencoder
from ppgen.models.belief_network import FullyVisibleBeliefNetwork
from ppgen.models.block_pixelcnn import BlockPixelCNN
from ppgen.models.conditional_autoregressive import ConditionalAutoregressive
from ppgen.models.conditional_gan import ConditionalGAN
from ppgen.models.conditional_tokens import ConditionalTokens
from ppgen.models.cyclegan import CycleGAN
from ppgen.models.deep_markov import DeepMarkovModel
from ppgen.models.diagonal_bilstm import DiagonalBiLSTM
from ppgen.models.discrete_vae import DiscreteVAE
from ppgen.models.factor_analysis import FactorAnalysis
from ppgen.models.flow_prior import FlowPriorVAE
from ppgen.models.gan import GAN
from ppgen.models.gated_pixelcnn import GatedPixelCNN
from ppgen.models.hierarchical_vae import HierarchicalVAE
from ppgen.models.image_transformer import ImageTransformer
from ppgen.models.labelled_vae import ConditionalVAE
from ppgen.models.ladder_vae import LadderVAE
from ppgen.models.logistic_regression import BayesianLogisticRegression
from ppgen.models.made import MADE
from ppgen.models.masked_vae import MaskedVAE
from ppgen.models.mixture_vae import MixtureVAE
from ppgen.models.pix2pix import Pix2Pix
from ppgen.models.pixel_vae import PixelVAE
from ppgen.models.pixelcnn import PixelCNN
from ppgen.models.pixelcnn_plus_plus import PixelCNNPlusPlus
from ppgen.models.row_lstm import RowLSTM
from ppgen.models.semi_supervised_vae import SemiSupervisedVAE
from ppgen.models.table_vae import TableVAE
from ppgen.models.token_lstm import TokenLSTM
from ppgen.models.token_transformer import TokenTransformer
from ppgen.models.vae import VAE
from ppgen.models.vamp_prior import VampPriorHierarchicalVAE, VampPriorVAE
from ppgen.models.vq_vae import VQVAE
