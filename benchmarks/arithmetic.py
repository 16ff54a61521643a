"""Does arithmetic change a factor? A group's mean code less another's is added to held-out images, and a classifier
that has never seen a model is asked which value of the factor it sees.

python benchmarks/arithmetic.py [--data sprites] [--change scale 0 3 --change shape 0 1] [--epochs 6]
python benchmarks/arithmetic.py --data glyphs --change bold 0 1 --latent-dim 16 --epochs 8 --lr 2e-3

The two groups are training images; what is changed are test images that have the negative value. The strength is the
one of five that does best on validation images. The classifier is a convolutional network fitted to training images;
its accuracy on real test images is printed beside the share of changed ones that it takes for the positive value, and
the share of those that are merely reconstructed, which should be small. It has seen bits, and is shown bits: each
decoded pixel of binary images is taken at its more probable value, since edges that are soft with doubt look heavy.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn

import ppgen

STRENGTHS = (0.75, 1.0, 1.25, 1.5, 2.0)


@dataclasses.dataclass(frozen=True)
class Result:
    """Shares of test images, from 0 to 1.

    Args:
        changed: that the classifier takes for the positive value after the arithmetic.
        unchanged: that it takes for it before.
        accuracy: of the classifier on real images of both values.
        strength: chosen on validation images.
        count: how many images were changed.
    """

    changed: float
    unchanged: float
    accuracy: float
    strength: float
    count: int


def judge(train: Mapping[str, Tensor], factor: str, values: tuple[int, int], *, epochs: int = 8) -> nn.Module:
    """A network that tells two values of a factor apart, fitted to images alone: logit of the second.

    Args:
        train: ``x`` [N, C, H, W], and the factor [N].
        factor: its name.
        values: negative and positive.
        epochs: of its training.
    """
    chosen = (train[factor] == values[0]) | (train[factor] == values[1])
    x, y = train["x"][chosen], (train[factor][chosen] == values[1]).float()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layers = nn.Conv2d(x.shape[1], 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU(), nn.Flatten()
        network = nn.Sequential(*layers, nn.LazyLinear(64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))
        network(x[:1])
        optimizer = torch.optim.Adam(network.parameters(), 1e-3)
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(64):
                loss = nn.functional.binary_cross_entropy_with_logits(network(x[rows]), y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return network.eval()


def change_a_factor(fit: ppgen.Fit, factor: str, negative: int, positive: int, *, most: int = 1000) -> Result:
    """Add ``positive`` less ``negative`` to test images, and ask the judge.

    Args:
        fit: of images with the factor as a column of labels.
        factor: its name.
        negative: the value that the images have.
        positive: the value that they are to have.
        most: how many rows of a group, or images, are used.
    """
    train, valid, test = (fit.data.split(split) for split in ("train", "valid", "test"))
    network = judge(train, factor, (negative, positive))

    def rows(split: Mapping[str, Tensor], value: int) -> dict[str, Tensor]:
        chosen = (split[factor] == value).nonzero().flatten()[:most]
        return {name: column[chosen] for name, column in split.items()}

    @torch.no_grad()
    def share(x: Tensor) -> float:
        bits = (x > 0.5).to(x) if fit.measure == "binary" else x
        return float((network(bits) > 0).float().mean())

    groups = rows(train, positive), rows(train, negative)
    tried = fit.arithmetic(*groups, rows(valid, negative), strength=STRENGTHS).values["x"]
    best = STRENGTHS[max(range(len(STRENGTHS)), key=lambda i: share(tried[:, i]))]
    held_out = rows(test, negative)
    made = fit.arithmetic(*groups, held_out, strength=best).values["x"]
    real = share(rows(test, positive)["x"]), 1.0 - share(held_out["x"])
    return Result(share(made[:, 1]), share(made[:, 0]), sum(real) / 2, best, len(made))


def main() -> None:
    """Fit a VAE to the images, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="sprites")
    parser.add_argument("--change", nargs=3, action="append", metavar=("FACTOR", "FROM", "TO"))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--latent-dim", type=int, default=10)
    parser.add_argument("--beta", type=float, default=1.0)
    parser.add_argument("--lr", type=float, default=1e-3)
    args = parser.parse_args()
    data = ppgen.data.load(args.data)
    start = time.perf_counter()
    torch.manual_seed(0)
    model = ppgen.models.VAE(tuple(data.split("test")["x"].shape[1:]), latent_dim=args.latent_dim)
    objective = ppgen.ELBO(beta=args.beta)
    settings = {"max_epochs": args.epochs, "batch_size": 64, "learning_rate": args.lr}
    fit = ppgen.fit(model, data, objective=objective, progress=False, **settings)
    print(f"{args.data}, {args.epochs} epochs in {time.perf_counter() - start:.0f} s")
    for factor, negative, positive in args.change or [("scale", 0, 3), ("shape", 0, 1), ("pos_x", 3, 12)]:
        print(f"{factor} {negative} to {positive}: {change_a_factor(fit, factor, int(negative), int(positive))}")


if __name__ == "__main__":
    main()
