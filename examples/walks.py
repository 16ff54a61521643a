"""What does a code stand for? Seven families, each walked through: a picture of each.

python examples/walks.py [--epochs 16] [--only gan] [--figures docs/figures]

A VAE takes half a minute of one core; with ``--data digits``, a few seconds.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch

import ppgen
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import house_style, new_figure

STEPS = 7  # tiles in a line, of most walks
LINES = 5  # of each walk


def families(shape: tuple[int, ...], epochs: int) -> dict[str, tuple[Any, dict[str, Any]]]:
    """A model and settings of its fit by name."""
    models, longer = ppgen.models, {"max_epochs": 2 * epochs}
    return {
        "vae": (models.VAE(shape, 16), {}),
        "beta-vae": (models.VAE(shape, 16), {"objective": ppgen.ELBO(beta=3.0)}),
        "conditional": (models.ConditionalVAE(shape, num_classes=10, latent_dim=16), {}),
        "hierarchical": (top := models.HierarchicalVAE(shape, (16, 8)), {"guide": ppgen.guides.Structured(top)}),
        "discrete": (models.DiscreteVAE(shape, num_letters=6), {}),
        "flow-prior": (models.FlowPriorVAE(shape, 16), {}),
        "gan": (models.GAN(shape, 16), {"learning_rate": {"critic": 2e-4, "generator": 1e-3}, **longer}),
    }


def walks(fit: ppgen.Fit) -> dict[str, Any]:
    """A traversal, an interpolation and what else the family has, by title."""
    if fit.guide is None:
        noise = fit.interpolate(n=LINES).latents["z"][:1, 0]
        drawn = {"along z": _along(fit, {"z": noise}, "z")}
        drawn["from one draw to another"] = fit.interpolate(n=LINES, steps=STEPS, seed=3)
        return drawn | {
            "two dimensions": fit.manifold(x={"z": noise}, dims=_most_active(fit, {"z": noise}, "z")[:2], steps=LINES)
        }
    test = fit.data.split("test")
    given = ("x", "y") if "y" in fit.covariates else ("x",)

    def some(digits: tuple[int, ...], **wanted: int) -> dict[str, torch.Tensor]:
        """The first image of each of these digits that has what is wanted besides."""
        kept = torch.stack([test[name] == value for name, value in wanted.items()] or [test["y"] >= 0]).all(0)
        rows = [int(((test["y"] == digit) & kept).nonzero()[0]) for digit in digits]
        return {name: test[name][rows] for name in given}

    coded = fit.encode(some((6,)))
    latents = [site for site in fit.model.sites if site in coded]
    start = some((0, 3, 8, 6, 4) if "c1" in latents else (6,))
    drawn = {f"along {site}": _along(fit, start, site) for site in latents}
    first, last = some((0, 3, 8, 6, 4)), some((6, 8, 5, 4, 1))
    drawn["from one image to another"] = fit.interpolate(first, last, steps=STEPS)
    if "c1" in latents:
        return drawn
    has, title = ({"bold": 0}, "bold less regular, added") if "bold" in test else ({}, "eights less threes, added")
    name, more, less = ("bold", 1, 0) if has else ("y", 8, 3)
    groups = ({column: test[column][test[name] == value] for column in given} for value in (more, less))
    drawn[title] = fit.arithmetic(*groups, some((2, 3, 4, 5, 7), **has), strength=[0, 0.5, 1, 1.5, 2])
    best = _most_active(fit, start, latents[0])
    drawn["two dimensions"] = fit.manifold(dims=best[:2], x=start, steps=LINES)
    if "y" in given:
        codes = {"z": fit.encode(start)["z"].expand(LINES, -1)}
        told = fit.traverse(codes, dims=best[:1], y=[0, 2, 4, 6, 8], steps=STEPS)
        drawn["one style in five classes"] = dataclasses.replace(told, row_labels=tuple("02468"))
    return drawn


def _along(fit: ppgen.Fit, start: Any, site: str) -> Any:
    """The traversal of the few dimensions that carry most; of a discrete latent, of its one."""
    return fit.traverse(start, site, _most_active(fit, start, site)[:LINES], steps=STEPS)


def _most_active(fit: ppgen.Fit, start: Any, site: str) -> list[int]:
    """All dimensions of a latent, those that carry most first: "z[5]" and "z[0]" name the active ones."""
    walk = fit.traverse(start, site, steps=2)
    active = [int(label.partition("[")[2][:-1]) for label in walk.row_labels if "[" in label]
    size = walk.latents[site][0, 0].numel()
    return active + [dim for dim in range(size) if dim not in active]


def draw(drawn: dict[str, Any]) -> Any:
    """All walks of a family in one figure, whose tiles are of about one size."""
    across = 2 if len(drawn) == 4 else 3
    down = -(-len(drawn) // across)
    with house_style():
        figure = new_figure(3.3 * across, 2.6 * down, gap=0.03)
        panels = list(figure.subplots(down, across, squeeze=False).flat)
        for axes, (title, walk) in zip(panels, drawn.items(), strict=False):
            walk.plot(ax=axes).set_title(title)
        for axes in panels[len(drawn) :]:
            axes.set_axis_off()
    return figure


def main() -> None:
    """Fit the families, and draw their walks side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="glyphs-few")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--figures", type=Path, help="the folder to save the pictures in")
    parser.add_argument("--only", help="one family")
    args = parser.parse_args()
    data = ppgen.data.load(args.data)
    torch.manual_seed(0)
    for name, (model, settings) in families(data.x_shape, args.epochs).items():
        if args.only not in (None, name):
            continue
        common = {"max_epochs": args.epochs, "batch_size": 16, "learning_rate": 2e-3, "schedule": "cosine"}
        fit = ppgen.fit(model, data, progress=False, **{**common, **settings})
        drawn = walks(fit)
        print(f"{name}: {'; '.join(walk.caption for walk in drawn.values())}")
        if args.figures:
            print(Illustration(draw(drawn), f"Walks of {name}", "").save(args.figures / f"walks-{name}.png"))


if __name__ == "__main__":
    main()
