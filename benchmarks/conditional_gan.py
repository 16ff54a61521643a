"""A conditional GAN of MNIST: does it draw what it is asked for?

    python benchmarks/conditional_gan.py [--told joined batch-norm] [--minutes 5] [--seeds 1] [--out FILE.md]

Every fit has so many minutes of processor time, along which the learning rates fall by a cosine. An independent
classifier, trained on the training split alone, names the digits of draws that were asked for in equal numbers; the
share that it names as asked stands beside its accuracy on test images, which bounds what it can say. The share of each
class tells whether some digits are drawn worse. ``GAN-train`` is the accuracy on test images of the same classifier
trained on draws alone (K. Shmelkov et al., "How good is my GAN?", 2018, arXiv 1807.09499).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from budget import Budget
from torch import Tensor, nn
from torch.nn import functional
from trend import processor

import ppgen
from ppgen import models, nets

__all__ = ["accuracy", "classifier", "fit_mnist", "main", "play", "trained"]

CLASSES, DRAWS_A_CLASS = 10, 500


def classifier(x: Tensor, y: Tensor, seed: int = 0, epochs: float = 3.0) -> nn.Module:
    """Convolutions that name digits.

    Args:
        x: images, [N, channels, height, width].
        y: their classes, [N].
        seed: of weights and order.
        epochs: over the images.
    """
    torch.manual_seed(seed)
    network = nn.Sequential(nets.encoder(x.shape[1:], 64, (32, 64), nn.ReLU), nn.Linear(64, CLASSES))
    return trained(network, len(x), epochs, lambda rows: functional.cross_entropy(network(x[rows]), y[rows]))


def trained(network: nn.Module, count: int, epochs: float, loss: Callable[[Tensor], Tensor]) -> nn.Module:
    """The network after so many epochs of batches of 128, along one cycle of the learning rate.

    Args:
        network: a classifier.
        count: of images.
        epochs: over them.
        loss: of the rows of a batch, [128].
    """
    steps = int(epochs * count / 128)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    for _ in range(steps):
        value = loss(torch.randint(count, (128,)))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Whether each image is named rightly, [N]."""
    named = torch.cat([network(part).argmax(1) for part in x.split(1000)])
    return (named == y).float()


def fit_mnist(data: Any, told: str, seed: int, minutes: float) -> tuple[ppgen.Fit, int]:
    """One fit, and its steps.

    Args:
        data: MNIST, images in [0, 1].
        told: of :class:`ppgen.models.ConditionalGAN`.
        seed: of weights, noise and order.
        minutes: of processor time.
    """
    torch.manual_seed(seed)
    shape: Any = (1, 28, 28)
    way: Any = told
    model = models.ConditionalGAN(shape, CLASSES, 32, hidden=(32, 64), told=way)
    critic = nets.ProjectionCritic(shape, CLASSES, hidden=(32, 64), features=64)
    return play(model, critic, data, seed, minutes)


def play(model: Any, critic: nn.Module, data: Any, seed: int, minutes: float, **game: Any) -> tuple[ppgen.Fit, int]:
    """A game that is told something, for so long, and its steps.

    Args:
        model: the generator.
        critic: that is told what the generator is.
        data: of the fit.
        seed: of noise and order.
        minutes: of processor time.
        **game: settings of the objective.
    """
    budget = Budget(minutes)
    fit = ppgen.fit(
        model,
        data,
        objective=ppgen.Adversarial(critic, r1=1.0, **game),
        max_epochs=Budget.EPOCHS,
        batch_size=64,
        learning_rate={"critic": 1e-3, "generator": 2e-3},
        schedule=budget.factor,
        average={"generator": 0.99},
        callbacks=[budget],
        seed=seed,
        device="cpu",
        progress=False,
    )
    return fit, budget.steps


def main(argv: list[str] | None = None) -> None:
    """Every way of telling, every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--told", nargs="+", default=["joined"], choices=["joined", "batch-norm"])
    parser.add_argument("--minutes", type=float, default=5.0, help="of processor time a fit")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the table here")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    data = ppgen.data.load("mnist", binarize=None, root=os.environ.get("PPGEN_DATA"))
    train, test = data.split("train"), data.split("test")
    judge = classifier(train["x"], train["y"])
    ceiling = accuracy(judge, test["x"], test["y"]).mean().item()
    print(f"classifier on test images: {ceiling:.4f}, {time.process_time():.0f} s", flush=True)
    lines = ["| told | seed | steps | as asked | worst class | GAN-train | real-train |", "|" + "---|" * 7]
    asked = torch.arange(CLASSES).repeat_interleave(DRAWS_A_CLASS)
    for told in args.told:
        for seed in range(args.seeds):
            fit, steps = fit_mnist(data, told, seed, args.minutes)
            x = fit.sample(len(asked), y=asked, seed=seed, site="x")
            right = accuracy(judge, x, asked)
            worst = right.reshape(CLASSES, -1).mean(1).min().item()
            learned = classifier(x, asked, epochs=20.0)
            useful = accuracy(learned, test["x"], test["y"]).mean().item()
            shown = [told, str(seed), str(steps), *(f"{v:.3f}" for v in (right.mean().item(), worst, useful, ceiling))]
            lines.append(f"| {' | '.join(shown)} |")
            print(lines[-1], flush=True)
    print("\n".join(lines))
    if args.out:
        command = f"python benchmarks/conditional_gan.py --told {' '.join(args.told)} --minutes {args.minutes:g}"
        head = f"# A conditional GAN of MNIST\n\n`{command} --seeds {args.seeds}`\n\n"
        told = (__doc__ or "").split("FILE.md]")[1].strip()
        args.out.write_text(
            f"{head}{told}\n\n" + "\n".join(lines) + f"\n\n{processor()}, one thread, torch {torch.__version__}.\n"
        )


if __name__ == "__main__":
    main()
