"""Two configurations of EugenHotaj/pytorch-generative, declared again here: the same numbers, and the time of a step.

    git clone https://github.com/EugenHotaj/pytorch-generative ../pytorch-generative
    python benchmarks/pytorch_generative.py --theirs ../pytorch-generative [--steps-gated 10] [--steps-made 40]

The configurations are those of its ``reproduce`` functions: a Gated PixelCNN of an input layer (7x7) and 10 gated
layers (3x3) of 128 channels with skip connections, Adam 1e-3; a MADE of one hidden layer of 8000 units in one random
order, batch 64, Adam 1e-3; both on MNIST, bits drawn anew from the grey levels. Left out, of both sides alike: the
number of steps, the batch of the Gated PixelCNN (4 here, 128 there), and its factor on the learning rate of 0.9999 a
step. Their side is their own code throughout: model, loss and ``Trainer._train_one_batch``, without their logging.

Both sides start from the same weights (and masks) and take the same minibatches in the same order, one step each in
turn, so that there is no error of seeds between them: what is left is rounding. Beside them stands the network of the
zoo that is closest in kind and size, from its own first weights. Times are medians of processor time a step.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import statistics
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from trend import append, processor

import ppgen
from ppgen import models, nets
from ppgen.data import from_tensors
from ppgen.distributions import Autoregressive
from ppgen.distributions.orders import permutation
from ppgen.objectives import TrainingPosition
from ppgen.training.prepare import Problem
from ppgen.training.step import TrainingStep

__all__ = ["main"]

SHAPE = (1, 28, 28)
Step = Callable[[Tensor], Any]


class GatedPixelCNN(ppgen.Model):
    """x_i | x_0 .. x_{i-1} ~ Bernoulli(logits=network(x)_i)."""

    def __init__(self, hidden: int = 128, num_layers: int = 10, head: int = 32) -> None:
        super().__init__()
        self.network = SkippingPixelCNN(hidden, num_layers, head)

    @ppgen.observed
    def x(self) -> Autoregressive:
        return Autoregressive(self.network, SHAPE)


class MADE(ppgen.Model):
    """x_i | those drawn before it ~ Bernoulli(logits=network(x)_i), in a random order."""

    def __init__(self, hidden: int = 8000) -> None:
        super().__init__()
        self.network = nets.MADE(SHAPE, (hidden,), order="random", direct=False, highest=None)

    @ppgen.observed
    def x(self) -> Autoregressive:
        return Autoregressive(member := self.network.members[0], SHAPE, order=member.order)


class SkippingLayer(nn.Module):
    """A gated layer whose vertical convolutions are 1 x N and then N x 1, as ``pytorch-generative`` divides them.

    Only rows and columns that are kept are computed: zeros are put above and to the left, and nowhere else.
    """

    def __init__(self, inputs: int, outputs: int, size: int, is_first: bool) -> None:
        super().__init__()
        self.reach, self.is_first = size // 2, is_first
        self.wide = nn.Conv2d(inputs, outputs, (1, size), padding=(0, size // 2))
        self.tall = nn.Conv2d(outputs, 2 * outputs, (size // 2 + 1, 1))
        self.straight = nn.Conv2d(inputs, 2 * outputs, 1)
        self.down = nn.Conv2d(2 * outputs, 2 * outputs, 1)
        self.left = nn.Conv2d(inputs, 2 * outputs, (1, size // 2 + 1))
        self.mix, self.skip = nn.Conv2d(outputs, outputs, 1), nn.Conv2d(outputs, outputs, 1)

    def forward(self, vertical: Tensor, horizontal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        above = functional.pad(self.wide(vertical)[..., :-1, :], (0, 0, self.reach + 1, 0))
        # Rows of zeros above the image come after the bias of the first convolution, as there: its padding is later.
        tall = self.tall(above)
        vertical_out = gate(tall + self.straight(vertical))
        before = horizontal[..., :-1] if self.is_first else horizontal
        left = self.left(functional.pad(before, (self.reach + self.is_first, 0)))
        gated = gate(self.down(tall) + left)
        mixed = self.mix(gated)
        return vertical_out, mixed if self.is_first else mixed + horizontal, self.skip(gated)


class SkippingPixelCNN(nn.Module):
    """Gated layers whose skip connections are summed and read by two 1 x 1 convolutions."""

    def __init__(self, hidden: int, num_layers: int, head: int) -> None:
        super().__init__()
        self.first = SkippingLayer(1, hidden, 7, True)
        self.layers = nn.ModuleList(SkippingLayer(hidden, hidden, 3, False) for _ in range(num_layers))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(hidden, head, 1), nn.ReLU(), nn.Conv2d(head, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        vertical, horizontal, skips = self.first(x, x)
        for layer in self.layers:
            vertical, horizontal, skip = layer(vertical, horizontal)
            skips = skips + skip
        return self.head(skips)


def gate(x: Tensor) -> Tensor:
    """``tanh(a) sigmoid(b)`` of the two halves of the channels."""
    signal, opening = x.chunk(2, 1)
    return signal.tanh() * opening.sigmoid()


class Theirs:
    """Their modules out of a folder, without what they import besides: plots and a board for training curves."""

    def __init__(self, folder: Path) -> None:
        for name in ("pytorch_generative", "pytorch_generative.models"):
            package = types.ModuleType(name)
            package.__path__ = [str(folder.joinpath(*name.split(".")))]
            sys.modules[name] = package
        board = types.ModuleType("torch.utils.tensorboard")
        board.SummaryWriter = lambda *_, **__: None  # type: ignore[attr-defined]  # nothing is written to it here
        sys.modules[board.__name__] = torch.utils.tensorboard = board  # type: ignore[attr-defined]
        self._load = lambda name: importlib.import_module(f"pytorch_generative.{name}")

    def gated_pixelcnn(self) -> nn.Module:
        """Of its ``reproduce``."""
        module = self._load("models.autoregressive.gated_pixel_cnn")
        return module.GatedPixelCNN(1, 1, n_gated=10, gated_channels=128, head_channels=32)

    def made(self) -> nn.Module:
        """Of its ``reproduce``."""
        return self._load("models.autoregressive.made").MADE(784, [8000], n_masks=1)

    def step(self, model: nn.Module) -> Step:
        """A step of their trainer."""
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        trainer = self._load("trainer").Trainer(model, their_loss, optimizer, None, None)
        return lambda x: trainer._train_one_batch(x, None)


def their_loss(x: Tensor, _: object, logits: Tensor) -> Tensor:
    """The loss of both ``reproduce`` functions."""
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1).mean()


def as_theirs(model: GatedPixelCNN | MADE, theirs: Any) -> None:
    """Give a model their weights, and their order and masks where they have some."""
    with torch.no_grad():
        for mine, other in zip(model.network.parameters(), theirs.parameters(), strict=True):
            mine.copy_(other)
    if isinstance(model, MADE):
        masks, ranks = theirs._sample_masks()
        model.network.ranks[0] = torch.from_numpy(ranks)
        model.network.orders = (permutation(model.network.ranks[0].argsort(), SHAPE[1:]),)
        model.network.get_buffer("degrees_0")[0] = masks[0].sum(1) - 1  # a unit sees so many inputs


def ppgen_step(model: ppgen.Model, x: Tensor) -> Step:
    """The step that ppgen.fit makes, with its own optimizer and checks."""
    objective = ppgen.MaximumLikelihood()
    state = objective.setup(model, None, {"x": x[:4]})
    data = from_tensors({"x": x}, valid=0.0, test=0.0)
    problem = Problem(objective, state, objective.players(state), data.size("train"))
    take = TrainingStep(problem, device=torch.device("cpu"), learning_rate=1e-3, clip_norm=None)
    return lambda x: take({"x": x}, TrainingPosition(0, 0.0))["loss"].item()


def chosen(data: ppgen.data.Dataset, split: str, count: int, seed: int) -> Tensor:
    """So many random images of a split, with bits drawn once."""
    x = data.split(split)["x"]
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:count]]


def measure(sides: dict[str, tuple[nn.Module, Step]], train: Tensor, test: Tensor) -> dict[str, dict[str, Any]]:
    """Train all sides on ``[steps, batch, *x_shape]`` step by step in turn; nats of test images, seconds a step."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for x in train:
        for name, (_, step) in sides.items():
            before = time.process_time()
            step(x)
            seconds[name].append(time.process_time() - before)
    found = {}
    for name, (model, _) in sides.items():
        model.eval()
        with torch.no_grad():
            nats = torch.cat([surprise(model, x) for x in test.split(16)])
        count = sum(p.numel() for p in model.parameters())
        found[name] = {"nats": nats, "seconds": seconds[name][1:], "parameters": count}
    return found


def surprise(model: nn.Module, x: Tensor) -> Tensor:
    """``-log p`` of each image."""
    if isinstance(model, ppgen.Model):
        return -model.x().log_prob(x)
    return functional.binary_cross_entropy_with_logits(model(x), x, reduction="none").flatten(1).sum(1)


def rows(name: str, found: dict[str, dict[str, Any]]) -> list[str]:
    """Lines of the table: nats and ms a step of each side, and both against theirs."""
    base, lines = found["pytorch-generative"], []
    for side, values in found.items():
        apart = (values["nats"] - base["nats"]).mean().item()
        ratios = [mine / other for mine, other in zip(values["seconds"], base["seconds"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        numbers = f"{values['parameters']:,} | {values['nats'].mean():.3f} | {apart:+.4f}"
        times = f"{1e3 * statistics.median(values['seconds']):.0f} | {middle:.3f} | {low:.2f}-{high:.2f}"
        lines.append(f"| {name} | {side} | {numbers} | {times} |")
    return lines


def main() -> None:
    """Train both sides, print the table and write it to ``--out``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--theirs", type=Path, required=True, help="folder of their repository")
    parser.add_argument("--steps-gated", type=int, default=10)
    parser.add_argument("--steps-made", type=int, default=40)
    parser.add_argument("--batch-gated", type=int, default=4)
    parser.add_argument("--num-data", type=int, default=16, help="test images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)

    data = ppgen.data.load("mnist", binarize="dynamic", root=args.data_root)
    theirs, found = Theirs(args.theirs), {}
    for name, declare, zoo, their, steps, size in (
        (
            "Gated PixelCNN",
            GatedPixelCNN,
            lambda: models.GatedPixelCNN(SHAPE, 128, 10),
            theirs.gated_pixelcnn,
            args.steps_gated,
            args.batch_gated,
        ),
        ("MADE", MADE, lambda: models.MADE(SHAPE, (8000,)), theirs.made, args.steps_made, 64),
    ):
        torch.manual_seed(args.seed)
        other, mine, own = their(), declare(), zoo()
        as_theirs(mine, other)
        train, test = (
            chosen(data, split, count, args.seed) for split, count in (("train", steps * size), ("test", args.num_data))
        )
        sides = {
            "pytorch-generative": (other, theirs.step(other)),
            "ppgen, the same layers": (mine, ppgen_step(mine, train)),
            "ppgen, its own network": (own, ppgen_step(own, train)),
        }
        found[name] = measure(sides, train.unflatten(0, (steps, size)), test)
        print("\n".join(rows(name, found[name])), flush=True)
    settings = f"--steps-gated {args.steps_gated} --batch-gated {args.batch_gated} --steps-made {args.steps_made}"
    text = (
        "# The configurations of pytorch-generative, declared again in ppgen\n\n"
        f"`python benchmarks/pytorch_generative.py --theirs FOLDER {settings}`\n\n"
        f"{processor()}; 1 thread; Python {platform.python_version()}, torch {torch.__version__}, ppgen "
        f"{ppgen.__version__}. The same first weights, minibatches and steps on both sides ({args.steps_gated} steps "
        f"of {args.batch_gated} images, {args.steps_made} of 64; MNIST, bits drawn from the grey levels). Nats: "
        f"-log p(x), exact, mean of {args.num_data} test images after those steps; apart: the mean difference to "
        "theirs, image by image. Ratio: of the processor time of a step, median and quartiles over steps, "
        "interleaved.\n\n"
        "| configuration | side | parameters | nats | apart | ms a step | ratio | quartiles |\n"
        "|---|---|---|---|---|---|---|---|\n" + "\n".join(line for n, f in found.items() for line in rows(n, f)) + "\n"
    )
    print(text)
    if args.out is not None:
        args.out.write_text(text)
        for name, sides in found.items():
            mine, other = (sides[side]["seconds"] for side in ("ppgen, the same layers", "pytorch-generative"))
            ratio = statistics.median(mine) / statistics.median(other)
            append(args.out, "pytorch_generative", name, {"step_time": ratio}, device=processor())


if __name__ == "__main__":
    main()
