"""Glasses put on and taken off Olivetti faces by arithmetic on codes, judged by a classifier, and drawn.

    python benchmarks/glasses.py [--minutes 0.75] [--side 64] [--data-root DIR] [--figure FILE.png] [--out FILE.md]

A VAE of grey levels is fitted to 320 faces and moved copies of them. The direction is "the mean code of faces with
glasses less that of faces without", of training faces: of all people, or the mean over those alone who were taken both
ways (so that who they are drops out). It is added to, or taken from, the 80 faces that no weight was fitted to: other
pictures of people who are in the training split as well. The change that this makes to what is decoded can also be
laid on the face itself. The judge is the feature network of the data set, fitted to training faces and their
labels, which has seen no model: does it now see glasses, and still the same person? Strengths were fixed beforehand,
and settings chosen by the bound and the reconstructions of the validation split; nothing was chosen by what the judge
says.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from math import pi, prod
from pathlib import Path
from typing import Any

import torch
from budget import Budget
from row import options
from torch import Tensor, nn

import ppgen
from ppgen import models, nets
from ppgen.data import Dataset
from ppgen.evaluation import Judge, judge_of
from ppgen.walks import Walk

__all__ = ["main"]

STRENGTHS = (0.0, 1.0, 1.5, 2.0)
SHOWN = 6  # people of each direction
WIDTH = 512
MOVES = {"shift": 1.0, "turn": 1.5, "scale": 0.02}  # of copies: pixels, degrees, share

Rows = Mapping[str, Tensor]
Codes = tuple[dict[str, Tensor], dict[str, Tensor]]


class Decoder(nn.Module):
    """A perceptron beside an affine map of codes: small faces are nearly affine in what they differ by."""

    def __init__(self, latent_dim: int, x_shape: Sequence[int]) -> None:
        super().__init__()
        self.perceptron = nets.VectorDecoder(latent_dim, x_shape, (WIDTH,))
        self.affine = nn.Linear(latent_dim, prod(x_shape))

    def forward(self, z: Tensor) -> Tensor:
        """What the likelihood is told of each pixel, ``[*batch, channels, height, width]``."""
        curved = self.perceptron(z)
        return curved + self.affine(z).reshape(curved.shape)


class Around(nn.Module):
    """Faces less the mean face."""

    mean: Tensor

    def __init__(self, mean: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)

    def forward(self, x: Tensor) -> Tensor:
        """The difference, of any batch."""
        return x - self.mean


def chosen(columns: Rows, rows: Tensor) -> dict[str, Tensor]:
    """Some rows, all columns."""
    return {name: values[rows] for name, values in columns.items()}


def groups(fit: ppgen.Fit, train: Rows) -> dict[str, Codes]:
    """Codes of faces with and without glasses: of all people; the mean of each one who was taken both ways."""
    worn, person, codes = train["glasses"] == 1, train["y"], fit.encode(train["x"]).only
    both = [one for one in person.unique() if len(worn[person == one].unique()) == 2]

    def of_both(state: Tensor) -> dict[str, Tensor]:
        return {"z": torch.stack([codes[state & (person == one)].mean(0) for one in both])}

    return {
        "all people": ({"z": codes[worn]}, {"z": codes[~worn]}),
        f"the {len(both)} taken both ways": (of_both(worn), of_both(~worn)),
    }


@torch.no_grad()
def start_at_components(
    x: Tensor, decoder: Decoder, encoder: nets.VectorEncoder, likelihood: nets.DiscretizedLogisticLikelihood
) -> None:
    """Begin where a linear VAE ends: at the principal components of the faces and their mirror images.

    M. Tipping and C. Bishop, "Probabilistic principal component analysis", 1999; J. Lucas et al., "Don't blame the
    ELBO!", 2019 (arXiv 1911.02469).
    """
    faces = torch.cat([x, x.flip(-1)]).flatten(1)
    mean, size = faces.mean(0), decoder.affine.in_features
    _, spread, components = torch.linalg.svd(faces - mean, full_matrices=False)
    components, spread = components[:size], spread[:size, None] / len(faces) ** 0.5
    decoder.affine.weight.copy_((spread * components).T)
    decoder.affine.bias.copy_(mean - 0.5)  # the likelihood adds a half
    encoder.affine.weight[:size] = components / spread
    encoder.affine.bias.zero_()
    *_, last_weight, _ = decoder.perceptron.parameters()
    last_weight.mul_(0.1)
    left_over = faces - mean - (faces - mean) @ components.T @ components
    scale = left_over.std(0) * 3**0.5 / pi  # of a logistic with that deviation
    likelihood.log_scale.copy_(scale.reshape(likelihood.x_shape).log())


def fitted(data: Dataset, args: argparse.Namespace) -> tuple[ppgen.Fit, int]:
    """The VAE of the faces, with its last weights, and the steps that the budget paid for."""
    torch.manual_seed(args.seed)
    x, shape = data.split("train")["x"], data.x_shape
    likelihood, decoder = nets.DiscretizedLogisticLikelihood(shape), Decoder(args.latent_dim, shape)
    features = nets.VectorEncoder(shape, 2 * args.latent_dim, (WIDTH,))
    start_at_components(x, decoder, features, likelihood)
    model = models.VAE(shape, latent_dim=args.latent_dim, likelihood=likelihood)
    model.decoder = decoder
    encoder = nn.Sequential(Around(x.mean(0)), features)
    moves = {name: getattr(args, name) for name in ("shift", "turn", "scale")}
    more = ppgen.data.augmented(data, args.copies, mirror=True, seed=args.seed, **moves)
    budget = Budget(args.minutes, rise=0.02)
    fit = ppgen.fit(
        model,
        more,
        guide=ppgen.guides.MeanField(model, encoder=encoder),
        objective=ppgen.ELBO(beta=args.beta),
        batch_size=64,
        optimizer=functools.partial(torch.optim.Adam, fused=True),
        learning_rate=args.learning_rate,
        patience=None,
        max_epochs=Budget.EPOCHS,
        schedule=budget.factor,
        callbacks=[budget],
        seed=args.seed,
        device=args.device,
        progress=False,
    )
    return fit, budget.steps


def walked(fit: ppgen.Fit, codes: Codes, rows: Rows, sign: float, laid_on: bool) -> Walk:
    """Faces at every strength, as they are decoded, or themselves with the change of what is decoded laid on."""
    walk = fit.arithmetic(*codes, rows["x"], strength=[sign * strength for strength in STRENGTHS])
    decoded = walk.values["x"]
    if not laid_on:
        return walk
    changed = (rows["x"].unsqueeze(1) + decoded - decoded[:, :1]).clamp(0.0, 1.0)
    return dataclasses.replace(walk, values=type(walk.values)({"x": changed}))


def judged(fit: ppgen.Fit, judge: Judge, codes: Codes, faces: Rows, state: int, laid_on: bool) -> list[str]:
    """What the judge sees of faces in a state, at each strength: glasses in the other state, and the person kept."""
    sign = 1.0 if state == 0 else -1.0
    rows = chosen(faces, (faces["glasses"] == state).nonzero().flatten())
    found = walked(fit, codes, rows, sign, laid_on).scores(judge, changed={"glasses": 1 - state})
    told = ["put on" if state == 0 else "taken off", str(len(rows["y"]))]
    for name in ("y kept", f"glasses={1 - state}"):
        for strength in STRENGTHS[(name == "y kept") :]:
            number = found.get(f"{name} at {sign * strength:+g}" if strength else f"{name} at +0")
            told.append("—" if number is None else number.short().removesuffix(" of rows"))
    return told


def reconstructed(fit: ppgen.Fit, judge: Judge, faces: Rows) -> list[str]:
    """How near faces decoded from their mean codes are to themselves, and whom the judge sees in them."""
    x = faces["x"]
    decoded = fit.decode(fit.encode(x).only).only.reshape(x.shape)
    off = 255 * (decoded - x).square().mean().sqrt().item()
    right = (judge.classify(decoded)["y"].argmax(1) == faces["y"]).double().mean().item()
    return [str(len(x)), fit.elbo(faces).short(), f"{off:.1f}", f"{right:.3f}"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Its lines."""
    return ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows)]


def draw(fit: ppgen.Fit, codes: Codes, faces: Rows, file: Path) -> None:
    """Faces of different people, and what they become: glasses put on in the left half, taken off in the right."""
    from matplotlib.figure import Figure

    halves = []
    for state, sign in ((0, 1.0), (1, -1.0)):
        rows = (faces["glasses"] == state).nonzero().flatten()
        first = [int(rows[faces["y"][rows] == one][0]) for one in faces["y"][rows].unique()]
        some = chosen(faces, torch.tensor(sorted(first)[:SHOWN]))
        decoded, laid_on = (walked(fit, codes, some, sign, how).values["x"] for how in (False, True))
        halves.append(torch.cat([some["x"].unsqueeze(1), decoded[:, :3], laid_on[:, 2:3]], 1))
    tiles = torch.cat(halves, 1).clamp(0, 1)[:, :, 0]  # [SHOWN, 10, side, side]
    figure = Figure(figsize=(tiles.shape[1] * 0.9, len(tiles) * 0.9 + 0.3), layout="constrained")
    grid: Any = figure.subplots(*tiles.shape[:2])
    names = ("face", "decoded", "+1", "+1.5", "+1.5 on it", "face", "decoded", "−1", "−1.5", "−1.5 on it")
    for row, line in enumerate(grid):
        for column, axes in enumerate(line):
            axes.imshow(tiles[row, column], cmap="gray", vmin=0, vmax=1)
            axes.set_axis_off()
            if row == 0:
                axes.set_title(names[column], fontsize=9)
    figure.savefig(file, dpi=100)


def main(argv: list[str] | None = None) -> None:
    """Fit, add and take away, print the table; write it to ``--out``, and the picture to ``--figure``."""
    parser = options(__doc__, minutes=0.75, latent_dim=128, learning_rate=2e-3, beta=0.2, copies=12, **MOVES)
    parser.add_argument("--side", type=int, default=64, help="pixels, to which the 64 are scaled")
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    resize = None if args.side == 64 else args.side
    data = ppgen.data.load("olivetti", binarize=None, root=args.data_root, resize=resize)
    fit, steps = fitted(data, args)
    judge = judge_of(data)
    valid, test = (data.split(name) for name in ("valid", "test"))
    faces = {name: torch.cat([valid[name], test[name]]) for name in test}
    head = ["direction of", "shown", "glasses", "faces"]
    head += [f"same person at {strength:g}" for strength in STRENGTHS[1:]]
    head += [f"changed at {strength:g}" for strength in STRENGTHS]
    directions = groups(fit, fit.data.split("train"))
    rows = [
        [name, "on the face" if laid_on else "decoded", *judged(fit, judge, codes, faces, state, laid_on)]
        for name, codes in directions.items()
        for laid_on in (False, True)
        for state in (0, 1)
    ]
    near = [[name, *reconstructed(fit, judge, data.split(name))] for name in ("train", "valid", "test")]
    text = "\n".join(
        [
            f"{args.side}x{args.side} pixels; VAE of {args.latent_dim} dimensions, beta {args.beta:g}, {steps} steps "
            f"in {args.minutes:g} processor minutes on one thread.",
            f"Judge: {judge}.",
            "",
            *table(["split", "faces", "bound", "off by, of 255 levels", "right person"], near),
            "",
            *table(head, rows),
        ]
    )
    print(text, flush=True)
    if args.out:
        args.out.write_text(text + "\n")
    if args.figure:
        draw(fit, list(directions.values())[-1], faces, args.figure)


if __name__ == "__main__":
    main()
