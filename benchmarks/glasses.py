"""Glasses put on and taken off Olivetti faces by arithmetic on codes, judged by a classifier, and drawn.

    python benchmarks/glasses.py [--minutes 5] [--side 64] [--data-root DIR] [--figure FILE.png] [--out FILE.md]

A VAE of grey levels is fitted to 320 faces. The direction is "the mean code of faces with glasses less that of
faces without", of training faces: of all people, or of those alone who were taken both ways, as many of each (so that
who they are drops out). It is added to, or taken from, the 80 faces that no weight was fitted to. The judge is the
feature network of the data set, fitted to training faces and their labels, which has seen no model: does it now see
glasses, and still the same person? Strengths were fixed beforehand; nothing was chosen by what the judge says.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from budget import Budget
from row import options
from torch import Tensor

import ppgen
from ppgen import models, nets
from ppgen.data import Dataset
from ppgen.evaluation import Judge, judge_of

__all__ = ["main"]

STRENGTHS = (0.0, 1.0, 1.5, 2.0)
SHOWN = 4  # faces of each direction

Rows = Mapping[str, Tensor]


def chosen(columns: Rows, rows: Tensor) -> dict[str, Tensor]:
    """Some rows, all columns."""
    return {name: values[rows] for name, values in columns.items()}


def groups(train: Rows) -> dict[str, tuple[Rows, Rows]]:
    """Faces with and without glasses: of all people; of those taken both ways, as many of each of one person."""
    worn, person = train["glasses"] == 1, train["y"]
    with_them, without = [], []
    for one in person.unique():
        both = [((person == one) & (worn == state)).nonzero().flatten() for state in (True, False)]
        count = min(map(len, both))
        with_them.append(both[0][:count])
        without.append(both[1][:count])
    return {
        "all people": (chosen(train, worn.nonzero().flatten()), chosen(train, (~worn).nonzero().flatten())),
        "the same people": (chosen(train, torch.cat(with_them)), chosen(train, torch.cat(without))),
    }


def fitted(data: Dataset, args: argparse.Namespace) -> tuple[ppgen.Fit, int]:
    """The VAE of the faces, with its last weights, and the steps that the budget paid for."""
    torch.manual_seed(args.seed)
    shape = data.x_shape
    model = models.VAE(shape, latent_dim=args.latent_dim, likelihood=nets.DiscretizedLogisticLikelihood(shape))
    budget = Budget(args.minutes)
    settings: dict[str, Any] = {"batch_size": 32, "learning_rate": args.learning_rate, "patience": None}
    fit = ppgen.fit(
        model,
        data,
        max_epochs=Budget.EPOCHS,
        schedule=budget.factor,
        callbacks=[budget],
        seed=args.seed,
        device=args.device,
        progress=False,
        **settings,
    )
    return fit, budget.steps


def judged(fit: ppgen.Fit, judge: Judge, pair: tuple[Rows, Rows], faces: Rows, state: int) -> list[str]:
    """What the judge sees of faces in a state, at each strength: glasses in the other state, and the person kept."""
    sign = 1.0 if state == 0 else -1.0
    rows = chosen(faces, (faces["glasses"] == state).nonzero().flatten())
    walk = fit.arithmetic(*pair, rows, strength=[sign * strength for strength in STRENGTHS])
    found = walk.scores(judge, changed={"glasses": 1 - state})
    told = ["put on" if state == 0 else "taken off", str(len(rows["y"]))]
    for name in ("y kept", f"glasses={1 - state}"):
        for strength in STRENGTHS[(name == "y kept") :]:
            number = found.get(f"{name} at {sign * strength:+g}" if strength else f"{name} at +0")
            told.append("—" if number is None else number.short().removesuffix(" of rows"))
    return told


def draw(fit: ppgen.Fit, pair: tuple[Rows, Rows], faces: Rows, file: Path) -> None:
    """Faces, and what they become: glasses put on in the left half, taken off in the right."""
    from matplotlib.figure import Figure

    halves = []
    for state, sign in ((0, 1.0), (1, -1.0)):
        rows = chosen(faces, (faces["glasses"] == state).nonzero().flatten()[:SHOWN])
        walk = fit.arithmetic(*pair, rows, strength=[sign * strength for strength in STRENGTHS[:3]])
        halves.append(torch.cat([rows["x"].unsqueeze(1), walk.values["x"]], 1))  # [SHOWN, 4, 1, side, side]
    tiles = torch.cat(halves, 1).clamp(0, 1)[:, :, 0]
    figure = Figure(figsize=(tiles.shape[1] * 0.9, len(tiles) * 0.9 + 0.3), layout="constrained")
    grid: Any = figure.subplots(*tiles.shape[:2])
    names = ("face", "decoded", "+1", "+1.5", "face", "decoded", "−1", "−1.5")
    for row, line in enumerate(grid):
        for column, axes in enumerate(line):
            axes.imshow(tiles[row, column], cmap="gray", vmin=0, vmax=1)
            axes.set_axis_off()
            if row == 0:
                axes.set_title(names[column], fontsize=9)
    figure.savefig(file, dpi=80)


def main(argv: list[str] | None = None) -> None:
    """Fit, add and take away, print the table; write it to ``--out``, and the picture to ``--figure``."""
    parser = options(__doc__, minutes=5.0, latent_dim=48, learning_rate=2e-3)
    parser.add_argument("--side", type=int, default=64, help="pixels, to which the 64 are scaled")
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    resize = None if args.side == 64 else args.side
    data = ppgen.data.load("olivetti", binarize=None, root=args.data_root, resize=resize)
    fit, steps = fitted(data, args)
    judge = judge_of(data)
    train, valid, test = (data.split(name) for name in ("train", "valid", "test"))
    faces = {name: torch.cat([valid[name], test[name]]) for name in test}
    head = ["direction of", "glasses", "faces", *(f"same person at {strength:g}" for strength in STRENGTHS[1:])]
    head += [f"changed at {strength:g}" for strength in STRENGTHS]
    pairs = groups(train)
    rows = [[name, *judged(fit, judge, pair, faces, state)] for name, pair in pairs.items() for state in (0, 1)]
    lines = ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows)]
    text = "\n".join(
        [
            f"{args.side}x{args.side} pixels; VAE of {args.latent_dim} dimensions, {steps} steps in {args.minutes:g} "
            "processor minutes on one thread; "
            f"test bound {fit.elbo().short()}.",
            f"Judge: {judge}.",
            "",
            *lines,
        ]
    )
    print(text, flush=True)
    if args.out:
        args.out.write_text(text + "\n")
    if args.figure:
        draw(fit, pairs["the same people"], faces, args.figure)


if __name__ == "__main__":
    main()
