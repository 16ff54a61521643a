"""A GAN that is told captions of glyphs, "a large bold italic 5, leaning left": does it draw every word of them?

    python benchmarks/captions.py [--minutes 10] [--seeds 1] [--withheld 0.1] [--out FILE.md]

Every fit has so many minutes of processor time, along which the learning rates fall by a cosine. A tenth of the
captions is withheld from it: what is drawn for these combinations, never seen together, is reported apart. An
independent classifier, trained on glyphs drawn with other seeds, says of every image how large it is, whether it is
bold or italic, which digit it is, and where it leans. It errs on test images too: where a size or a turn is near the
border of its word, and where slant, face and turn work against each other. For every word, the share of the draws asked
for by captions with it (of "plain", by captions that do not say the like) in which it is seen stands beside that of
test images.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from conditional_gan import play, trained
from torch import Tensor, nn
from torch.nn import functional
from trend import processor

import ppgen
from ppgen import models, nets

__all__ = ["fit_captions", "main", "meanings", "word_judge"]

# What a caption may say of each; the digit is said by all.
SAID = {"size": ("small", "large"), "weight": ("bold",), "slope": ("italic",), "lean": ("left", "right")}
DIGITS = tuple("0123456789")
PLAIN, SHAPE, DRAWS, JUDGE_EPOCHS = "plain", (1, 28, 28), 4000, 8.0


def meanings(captions: Tensor, words: tuple[str, ...]) -> dict[str, Tensor]:
    """What captions say: for each aspect the number of the word that is there, 0 for none, [N].

    Args:
        captions: tokens, [N, T].
        words: that the tokens stand for.
    """
    said = {}
    for aspect, choices in {**SAID, "digit": DIGITS}.items():
        tokens = torch.tensor([words.index(word) for word in choices])
        has = (captions[:, :, None] == tokens).any(1)
        said[aspect] = torch.where(has.any(1), has.int().argmax(1) + 1, 0)
    return said


def names(aspect: str) -> tuple[str, ...]:
    """Of what an aspect may be, by number."""
    return (PLAIN, *SAID[aspect]) if aspect in SAID else ("", *DIGITS)


class Heads(nn.Module):
    """Scores of every aspect from one image, [N, choices] each."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nets.encoder(SHAPE, 128, (32, 64), nn.ReLU)
        self.heads = nn.ModuleDict({aspect: nn.Linear(128, len(names(aspect))) for aspect in (*SAID, "digit")})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Of images [N, 1, 28, 28]."""
        seen = functional.relu(self.body(x))
        return {aspect: head(seen) for aspect, head in self.heads.items()}


def word_judge(x: Tensor, said: dict[str, Tensor], epochs: float) -> nn.Module:
    """A classifier of all aspects.

    Args:
        x: images, [N, 1, 28, 28].
        said: of each, by aspect, [N].
        epochs: over the images.
    """
    torch.manual_seed(0)
    network = Heads()

    def loss(rows: Tensor) -> Tensor:
        scores = network(x[rows])
        return torch.stack([functional.cross_entropy(scores[aspect], said[aspect][rows]) for aspect in said]).sum()

    return trained(network, len(x), epochs, loss)


@torch.no_grad()
def agreement(network: nn.Module, x: Tensor, said: dict[str, Tensor]) -> dict[str, float]:
    """For every word, how often it is seen where it was said."""
    parts = [network(part) for part in x.split(1000)]
    shares = {}
    for aspect, asked in said.items():
        seen = torch.cat([part[aspect].argmax(1) for part in parts])
        for number, name in enumerate(names(aspect)):
            label = f"{aspect}: {name}" if name == PLAIN else name
            if bool((asked == number).any()):
                shares[label] = (seen == number)[asked == number].float().mean().item()
    return shares


def fit_captions(columns: dict[str, Tensor], vocabulary: int, seed: int, minutes: float) -> tuple[ppgen.Fit, int]:
    """One fit, and its steps.

    Args:
        columns: images ``x`` in [0, 1] and captions ``y``.
        vocabulary: how many tokens there are.
        seed: of weights, noise and order.
        minutes: of processor time.
    """
    torch.manual_seed(seed)
    size = 32
    critic = nets.ProjectionCritic(SHAPE, size, (32, 64), 64, context=nets.TextContext(vocabulary, size))
    told = nets.TextContext(vocabulary, size)
    model = models.ConditionalGAN(SHAPE, size, 16, (32, 64), context=told)
    return play(model, critic, {"train": columns}, seed, minutes, mismatched=0.5)


def main(argv: list[str] | None = None) -> None:
    """Every seed: of the captions that were seen, and of those that were not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="of processor time a fit")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--withheld", type=float, default=0.1, help="share of the captions that no fit sees")
    parser.add_argument("--judge", type=int, default=6, help="seeds of glyphs that the classifier is trained on")
    parser.add_argument("--out", type=Path, help="write the table here")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    data = ppgen.data.load("glyphs", binarize=None)
    words: Any = data.columns["caption"].categories
    train, test = data.split("train"), data.split("test")
    others = [ppgen.data.load("glyphs", binarize=None, seed=1 + seed).split("train") for seed in range(args.judge)]
    told = meanings(torch.cat([other["caption"] for other in others]), words)
    judge = word_judge(torch.cat([other["x"] for other in others]), told, JUDGE_EPOCHS)
    columns = {"test images": agreement(judge, test["x"], meanings(test["caption"], words))}

    every, number = train["caption"].unique(dim=0, return_inverse=True)
    order = torch.randperm(len(every), generator=torch.Generator().manual_seed(0))
    kept_out = torch.zeros(len(every), dtype=torch.bool)
    kept_out[order[: round(args.withheld * len(every))]] = True
    seen = {"x": train["x"][~kept_out[number]], "y": train["caption"][~kept_out[number]]}
    steps = []
    for seed in range(args.seeds):
        fit, taken = fit_captions(seen, len(words), seed, args.minutes)
        steps.append(taken)
        for kind, captions in (("seen", every[~kept_out]), ("unseen", every[kept_out])):
            asked = captions[torch.arange(DRAWS) % len(captions)]
            drawn = fit.sample(DRAWS, y=asked, seed=seed, site="x")
            columns[f"{kind}, seed {seed}"] = agreement(judge, drawn, meanings(asked, words))
    lines = ["| word | " + " | ".join(columns) + " |", "|" + "---|" * (1 + len(columns))]
    for word in columns["test images"]:
        cells = (f"{column[word]:.3f}" if word in column else "" for column in columns.values())
        lines.append(f"| {word} | {' | '.join(cells)} |")
    worst = (f"{min(column.values()):.3f}" for column in columns.values())
    lines.append(f"| **the worst** | {' | '.join(worst)} |")
    print("\n".join(lines), f"steps: {steps}", sep="\n")
    if args.out:
        command = f"python benchmarks/captions.py --minutes {args.minutes:g} --seeds {args.seeds}"
        told = (__doc__ or "").split("FILE.md]")[1].strip()
        tail = f"{int(kept_out.sum())} of {len(every)} captions withheld; steps: {', '.join(map(str, steps))}."
        where = f"{processor()}, one thread, torch {torch.__version__}."
        head = ["# A GAN that is told captions", "", f"`{command}`", "", told, ""]
        args.out.write_text("\n".join([*head, *lines, "", tail, "", where, ""]))


if __name__ == "__main__":
    main()
