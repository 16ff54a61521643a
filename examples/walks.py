"""What does a code stand for? Seven families, each walked through: a picture of each.

python examples/walks.py [--epochs 100] [--figures docs/figures]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

import ppgen
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import house_style, new_figure

X = (1, 8, 8)


def families() -> dict[str, tuple[Any, dict[str, Any]]]:
    """A model and settings of its fit by name."""
    models = ppgen.models
    return {
        "vae": (models.VAE(X, 8), {}),
        "beta-vae": (models.VAE(X, 8), {"objective": ppgen.ELBO(beta=1.5)}),
        "conditional": (models.ConditionalVAE(X, num_classes=10, latent_dim=8), {}),
        "hierarchical": (top := models.HierarchicalVAE(X), {"guide": ppgen.guides.Structured(top)}),
        "discrete": (models.DiscreteVAE(X, num_letters=6), {}),
        "flow-prior": (models.FlowPriorVAE(X, 8), {}),
        "gan": (models.GAN(X, 8), {}),
    }


def walks(fit: ppgen.Fit) -> dict[str, Any]:
    """A traversal, an interpolation and what else the family has, by title."""
    if fit.guide is None:
        start = fit.traverse(steps=2).latents["z"][:1, 0]
        drawn = {"each dimension of the noise": fit.traverse({"z": start}, steps=9)}
        return drawn | {
            "between draws": fit.interpolate(n=6, seed=3),
            "two dimensions": fit.manifold(dims=[0, 1], steps=9),
        }
    test = fit.data.split("test")
    rows = [int((test["y"] == digit).nonzero()[0]) for digit in (0, 3, 8, 6, 4, 7)]
    given = ("x", "y") if "y" in fit.covariates else ("x",)
    start, first, last = ({name: test[name][part] for name in given} for part in (rows[:1], rows[:3], rows[3:]))
    latents = fit.encode(start)
    drawn = {f"along {site}": fit.traverse(start, site) for site in fit.model.sites if site in latents}
    drawn["from one to another"] = fit.interpolate(first, last)
    if "y" in given:
        code = latents["z"].expand(5, -1)
        best = int(drawn["along z"].row_labels[0][2:-1])  # "z[5]": the most active dimension
        drawn["one style in five classes"] = fit.traverse({"z": code}, dims=[best], y=[0, 2, 4, 6, 8])
    elif "c1" not in latents:
        eights, threes = ({"x": test["x"][test["y"] == digit]} for digit in (8, 3))
        some = {"x": test["x"][test["y"] == 3][:3]}
        drawn["eights less threes, added to threes"] = fit.arithmetic(eights, threes, some, strength=[0, 0.5, 1, 1.5])
    return drawn


def main() -> None:
    """Fit the families, and draw their walks side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--figures", type=Path, help="the folder to save the pictures in")
    parser.add_argument("--only", help="one family")
    args = parser.parse_args()
    torch.manual_seed(0)
    for name, (model, settings) in families().items():
        if args.only not in (None, name):
            continue
        fit = ppgen.fit(
            model, "digits", max_epochs=args.epochs, batch_size=64, learning_rate=2e-3, progress=False, **settings
        )
        drawn = walks(fit)
        with house_style():
            figure = new_figure(10.0, 3.3, gap=0.03)
            panels = figure.subplots(1, len(drawn), squeeze=False)[0]
            for axes, (title, walk) in zip(panels, drawn.items(), strict=True):
                walk.plot(ax=axes).set_title(title)
        print(f"{name}: {'; '.join(walk.caption for walk in drawn.values())}")
        if args.figures:
            print(Illustration(figure, f"Walks of {name}", "").save(args.figures / f"walks-{name}.png"))


if __name__ == "__main__":
    main()
