"""CycleGANs between domains whose true pairs are known and were withheld, at a budget of processor time.

    python benchmarks/cyclegan.py --task inverted [--minutes 15] [--seeds 0 1 2] [--threads 2] [--out FILE.md]

- ``usps``: digits of MNIST, cropped to 22x22, to those of USPS, 16x16. Measured: how often the class is kept, by a
  classifier that was trained on USPS, moved about, whose accuracy on real USPS is its ceiling; and how like USPS the
  translations are, by KID in the features of the network that ppgen trains on USPS, beside untranslated images.
- ``inverted``: one half of MNIST to the other half, white on black to black on white, 16x16.
- ``italic``: upright glyphs to italic ones, 28x28; the true partner is the same glyph drawn in the other face.

Where there is a true partner: the mean L1 distance of a pixel from it, beside that of leaving the image alone and that
of the best constant image, which is the median of the partners; and how often the nearest of 100 partners is the true
one; and, with ``--ceiling``, what the same generator comes to when it is told the pairs. The cycle error, the mean L1
distance of a pixel from itself after both ways, is known without any pairs; by it one seed is chosen, and all are
reported. Training reads no pairs and no labels.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from budget import Budget
from conditional_gan import accuracy
from moved_digits import moved_classifier
from torch import Tensor
from trend import processor

import ppgen
from ppgen import nets
from ppgen.data import Dataset
from ppgen.evaluation.features import feature_network
from ppgen.evaluation.kid import kid

__all__ = ["main"]


def usps(root: str | None) -> Dataset:
    """Two sets of digits that nobody paired; those of MNIST without the margin that USPS does not have."""
    a = ppgen.data.load("mnist", binarize=None, crop=22, resize=16, root=root)
    return ppgen.data.unpaired(a=a, b=ppgen.data.load("usps", binarize=None, root=root))


def inverted(root: str | None) -> Dataset:
    """The even rows of MNIST, and the odd ones inverted."""
    whole = ppgen.data.load("mnist", binarize=None, resize=16, root=root)
    splits = {name: whole.split(name)["x"] for name in ("train", "valid", "test")}
    return ppgen.data.unpaired(
        a={name: x[::2] for name, x in splits.items()}, b={name: 1 - x[1::2] for name, x in splits.items()}
    )


def italic(root: str | None) -> Dataset:
    """Glyphs of upright faces, and others of italic ones."""
    return ppgen.data.load("glyphs-upright+glyphs-italic", binarize=None, root=root)


def drawn_in_the_other_face(data: Dataset, split: str, domain: str) -> Tensor:
    """The partners of a split's glyphs: drawn again where they stand, upright ones in the italic face, and back."""
    rows, names = data.domains[domain].split(split), data.domains[domain].categories["y"]
    faces = ppgen.data.counterparts(rows["face"], "italic")
    characters = [names[y] for y in rows["y"].tolist()]
    return ppgen.data.draw_glyphs(characters, faces, rows, in_place_of=rows["face"]) / 255


TASKS: dict[str, tuple[Callable[[str | None], Dataset], Callable[[Dataset, str, str], Tensor] | None, float]] = {
    "usps": (usps, None, 5.0),
    "inverted": (inverted, lambda data, split, domain: 1 - data.domains[domain].split(split)["x"], 0.0),
    "italic": (italic, drawn_in_the_other_face, 5.0),
}
"""The data, the partners of a split's images of a domain, and the weight of the identity, where domains are alike."""


_WHERE = ("task", "seeds", "data_root", "figure", "out")  # what changes no number beyond what the table says


def _model(a_shape: tuple[int, ...], b_shape: tuple[int, ...], args: argparse.Namespace) -> ppgen.models.CycleGAN:
    return ppgen.models.CycleGAN(
        a_shape, b_shape, args.width, args.blocks, num_halvings=args.halvings, translator=args.translator
    )


def _seen_in_training(data: Dataset, copies: int) -> Dataset:
    """Both domains with so many copies of each training image, moved by a pixel and a half and turned by 4 degrees."""
    if not copies:
        return data
    moved = {
        name: ppgen.data.augmented(each, copies=copies, shift=1.5, turn=4.0) for name, each in data.domains.items()
    }
    return ppgen.data.unpaired(**moved)


def trained(data: Dataset, seed: int, args: argparse.Namespace) -> tuple[ppgen.Fit, int]:
    """A fit that took the budget, and its steps."""
    budget = Budget(args.minutes)
    torch.manual_seed(seed)
    shapes = {name: data.domains[name].x_shape for name in "ab"}
    critics = {
        name: nets.PatchCritic(shape, hidden=args.critic, spectral=args.spectral) for name, shape in shapes.items()
    }
    fit = ppgen.fit(
        _model(shapes["a"], shapes["b"], args),
        data,
        objective=ppgen.CycleTranslation(critics, cycle=args.cycle, identity=args.identity),
        max_epochs=Budget.EPOCHS,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        schedule=budget.factor,
        average={"generator": args.average} if args.average else None,
        callbacks=[budget],
        seed=seed,
        device="cpu",
        progress=False,
    )
    return fit, budget.steps


class Judge:
    """What is asked of translated digits: their class, and whether they are like those of the other domain."""

    def __init__(self, domain: Dataset) -> None:
        train, self.test = domain.split("train"), domain.split("test")
        self.classifier = moved_classifier(train["x"], train["y"])
        self.network = feature_network(domain)

    def __call__(self, x: Tensor, y: Tensor) -> dict[str, float]:
        """Of images of classes y, [N, 1, 16, 16]."""
        found = kid(self.network.features(self.test["x"]), self.network.features(x[: len(self.test["x"])]))
        return {"class kept": float(accuracy(self.classifier, x, y).mean()), "KID": found.value}


def scores(fit: ppgen.Fit, partners: dict[str, Tensor], judge: Judge | None) -> dict[str, float]:
    """What is measured of one fit on the test split; of ``partners`` by domain, if there are any."""
    rows = fit.data.domains["a"].split("test")
    translated = fit.translate(rows["x"])
    found = {"cycle": _distance(fit.translate(translated, site="to_a"), rows["x"])}
    if partners:
        back = fit.translate(fit.data.domains["b"].split("test")["x"], site="to_a")
        found |= {"L1": _distance(translated, partners["a"]), "nearest of 100": _retrieved(translated, partners["a"])}
        found |= {"L1 the other way": _distance(back, partners["b"])}
    return found if judge is None else found | judge(translated, rows["y"])


def told_the_pairs(data: Dataset, train: Tensor, args: argparse.Namespace) -> Tensor:
    """What the generator makes of the test images of a when it is trained on the withheld pairs, by their L1 distance.

    Args:
        data: whose domain a it reads.
        train: the partners of its training images.
        args: of the command line.
    """
    torch.manual_seed(args.seeds[0])
    budget, x = Budget(args.ceiling), data.domains["a"].split("train")["x"]
    generator = _model(x.shape[1:], train.shape[1:], args)
    optimizer = torch.optim.Adam(generator.forth.parameters(), lr=args.learning_rate)
    while budget.share() < 1.0:
        optimizer.param_groups[0]["lr"] = args.learning_rate * budget.factor(0.0)
        rows = torch.randint(len(x), (32,))
        loss = (generator.output(generator.forth(x[rows])) - train[rows]).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return generator.output(generator.forth(data.domains["a"].split("test")["x"]))


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean())


def _retrieved(translated: Tensor, partners: Tensor) -> float:
    """How often the nearest of 100 partners is the true one, over disjoint hundreds in the order of the split."""
    hits = []
    for some, targets in zip(translated.flatten(1).split(100), partners.flatten(1).split(100), strict=True):
        if len(some) == 100:
            hits.append(torch.cdist(some, targets, p=1).argmin(1) == torch.arange(100))
    return float(torch.cat(hits).double().mean())


def main() -> None:
    """Train one model a seed, print the table, write it to ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, default="inverted")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--minutes", type=float, default=15.0, help="of processor time, of all threads, a seed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--halvings", type=int, default=2)
    parser.add_argument("--translator", choices=["residual", "affine"], default="residual")
    parser.add_argument("--critic", type=int, nargs="+", default=None, help="channels of its stages")
    parser.add_argument("--spectral", action="store_true", help="spectral norms in the critics")
    parser.add_argument("--copies", type=int, default=0, help="moved copies of every training image")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--cycle", type=float, default=10.0)
    parser.add_argument("--identity", type=float, default=None, help="default: 5, and 0 where domains are unlike")
    parser.add_argument("--average", type=float, default=0.0)
    parser.add_argument("--ceiling", type=float, default=0.0, help="minutes for the generator that is told the pairs")
    parser.add_argument("--figure", type=Path, default=None, help="panels of the chosen seed")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    given = {name: parser.get_default(name) for name in vars(args)}
    torch.set_num_threads(args.threads)

    make, partners_of, identity = TASKS[args.task]
    given["identity"] = identity
    args.identity = identity if args.identity is None else args.identity
    data = make(args.data_root)
    partners = {} if partners_of is None else {domain: partners_of(data, "test", domain) for domain in "ab"}
    judge = Judge(data.domains["b"]) if args.task == "usps" else None
    lines, fits, seen = [], {}, _seen_in_training(data, args.copies)
    for seed in args.seeds:
        fit, steps = trained(seen, seed, args)
        found = scores(fit, partners, judge)
        fits[seed] = found["cycle"], fit
        lines.append(f"| {seed} | {steps} | {' | '.join(f'{value:.4f}' for value in found.values())} |")
        print(lines[-1], flush=True)
    baselines = _baselines(data, partners, judge)
    if partners_of is not None and args.ceiling:
        told = told_the_pairs(data, partners_of(data, "train", "a"), args)
        baselines += (
            f" The same generator trained on the withheld pairs by their L1 for {args.ceiling:g} minutes: "
            f"L1 {_distance(told, partners['a']):.4f}."
        )
    chosen = min(fits, key=lambda seed: fits[seed][0])
    header = [f"| seed | steps | {' | '.join(found)} |", f"|{'---|' * (len(found) + 2)}"]
    settings = {name: value for name, value in vars(args).items() if name not in _WHERE}
    changed = [_as_typed(name, value) for name, value in settings.items() if value != given[name]]
    text = (
        f"# CycleGAN: {args.task}\n\n`python benchmarks/cyclegan.py --task {' '.join([args.task, *changed])}`\n\n"
        f"{processor()}, {args.threads} thread(s), {60 * args.minutes:.0f} s of processor time a seed; {data.name}.\n\n"
        + "\n".join([*header, *lines])
        + f"\n\nChosen by cycle error: seed {chosen}. {baselines}\n"
    )
    print(text)
    if args.figure is not None:
        rows = fits[chosen][1].data.split("test")
        ppgen.reporting.translation_figure(fits[chosen][1], rows).save(args.figure)
    if args.out is not None:
        args.out.write_text(text)


def _as_typed(name: str, value: object) -> str:
    values = value if isinstance(value, list) else [] if value is True else [value]
    return " ".join([f"--{name.replace('_', '-')}", *map(str, values)])


def _baselines(data: Dataset, partners: dict[str, Tensor], judge: Judge | None) -> str:
    rows = data.domains["a"].split("test")
    x, said = rows["x"], []
    if partners:
        there, other = partners["a"], _distance(data.domains["b"].split("test")["x"], partners["b"])
        constant = there.median(0).values.expand_as(there)
        said += [f"Identity: L1 {_distance(x, there):.4f}, nearest of 100 {_retrieved(x, there):.4f};"]
        said += [f"the other way L1 {other:.4f}. Best constant image: L1 {_distance(constant, there):.4f}."]
    if judge is not None:
        same = judge(x, rows["y"])
        ceiling = float(accuracy(judge.classifier, judge.test["x"], judge.test["y"]).mean())
        said += [f"The classifier on real images of b: {ceiling:.4f}; on untranslated images of a:"]
        said += [f"{same['class kept']:.4f}, whose KID to b is {same['KID']:.4f}."]
    return " ".join(said)


if __name__ == "__main__":
    main()
