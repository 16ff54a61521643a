"""What each autoregressive network sees of an image: untrained networks side by side, by their gradients.

Run: python examples/receptive_fields.py [FILE.png]
"""

import sys

import torch
from matplotlib.figure import Figure

from ppgen import nets
from ppgen.distributions import Autoregressive
from ppgen.reporting.sight_figure import draw_sight, middle
from ppgen.reporting.style import house_style

SHAPE = (1, 15, 15)
SMALL = {"kernel_size": 3, "first_kernel_size": 3}


def networks() -> dict[str, torch.nn.Module]:
    """The networks by name, small enough for the reach of most to end inside the image."""
    return {
        "PixelCNN": nets.PixelCNN(SHAPE, 8, 4, **SMALL),
        "Gated PixelCNN": nets.GatedPixelCNN(SHAPE, 8, 4, **SMALL),
        "Row LSTM": nets.RowLSTM(SHAPE, 8, 1, first_kernel_size=3),
        "Diagonal BiLSTM": nets.DiagonalBiLSTM(SHAPE, 8, 1, first_kernel_size=3),
        "Image Transformer, local": nets.ImageTransformer(SHAPE, 8, 2, 2, block=(3, 4)),
        "MADE": nets.MADE(SHAPE, (300,)),
    }


def draw() -> Figure:
    """A panel a network."""
    torch.manual_seed(0)
    x = torch.rand(32, *SHAPE).round()
    shown = networks()
    with house_style():
        figure = Figure(figsize=(9.0, 6.6), layout="constrained")
        for axes, (name, network) in zip(figure.subplots(2, 3).flat, shown.items(), strict=True):
            unseen = draw_sight(axes, Autoregressive(network, SHAPE), x, middle(SHAPE[1:]))
            title = f"{name}: {unseen} not seen" if unseen else f"{name}: sees all before it"
            axes.set_title(title)
            print(title)
            if name != "PixelCNN":
                axes.get_legend().remove()
    return figure


if __name__ == "__main__":
    figure = draw()
    if sys.argv[1:]:
        figure.savefig(sys.argv[1], dpi=110)
