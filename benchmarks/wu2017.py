"""Three estimates of one density, on VAEs and GANs with the same decoder: Wu et al. (2017) in small.

    python benchmarks/wu2017.py [vae-10 vae-50 gan-10 gan-50] [--minutes 1.5] [--out benchmarks/results/wu2017.jsonl]
        [--figure docs/figures/likelihoods.png]

Grey MNIST in [0, 1]. Every model is a sampler, ``x = sigmoid(decoder(z))``, z of 10 or 50 standard normal numbers, the
decoder a perceptron of two layers of 256 units: trained by the ELBO with a Gaussian noise that it learns (VAE), or by
``ppgen.Adversarial`` (GAN), for ``--minutes`` of processor time. What was learned beside the sampler is then left
behind, and all are asked in the same way: ``fit.with_noise`` fits a mean-field encoder, and sigma on 500 validation
images. For images of either split, in nats each:

- **AIS**: ``annealed_log_prob``, a lower bound on log p(x) in expectation;
- **IWAE**: ``log_prob`` with 5000 draws of the encoder, a lower bound too, and a looser one;
- **KDE**: ``parzen_log_prob`` of 10,000 images of the sampler, its width chosen on the validation images;
- **gap**: between the two bounds of ``sandwiched_log_prob`` on images of the model itself.

Without ``--out`` nothing is kept. With it, a model's row takes the place of that model's last one, and a table is
written beside it. ``--figure`` draws what the file holds.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from budget import Budget
from kept_rows import keep, kept
from row import options
from torch import Tensor, nn
from trend import processor

import ppgen
from ppgen.data import Dataset
from ppgen.evaluation import annealed_log_prob, sandwiched_log_prob
from ppgen.evaluation.parzen_window import parzen_log_prob
from ppgen.guides import MeanField
from ppgen.models import GAN
from ppgen.nets import MLP, NormalNoise, critic
from ppgen.reporting.style import MUTED, PALETTE, house_style, label_line_ends

__all__ = ["PAPER", "ask", "figure", "main", "table", "trained"]

X_SHAPE, WIDTHS = (784,), (256, 256)
NUM_VALID, NUM_SAMPLES = 500, 10_000
WINDOWS = tuple(10.0 ** (-1.5 + 0.05 * step) for step in range(31))  # 0.03 to 1
NAMES = ("vae-50", "vae-10", "gan-50", "gan-10")
PAPER = {
    "vae-50": (991.4, 1272.6, 826.3, 351.2, 1.540),
    "vae-10": (705.4, 780.2, 486.5, 408.7, 0.832),
    "gan-50": (627.3, 620.5, None, 300.3, 10.045),
    "gan-10": (328.8, 318.9, None, 259.7, 0.934),
}
"""AIS of test and of training images, IWAE with 200,000 draws, KDE with 10^6 samples, gap: the paper's table 2."""


def images(args: argparse.Namespace) -> Dataset:
    """Grey values from 0 to 1, [N, 784], as continuous numbers; few for validation."""
    loaded = ppgen.data.load("mnist", binarize=None, root=args.data_root)
    splits = {name: {"x": columns["x"].flatten(1).float() / 255.0} for name, columns in loaded.splits.items()}
    splits["valid"] = {"x": splits["valid"]["x"][:NUM_VALID]}
    return Dataset("mnist", "unit interval", splits, protocol="grey values in [0, 1]")


def encoder(model: Any) -> MeanField:
    """A guide whose network is the decoder's mirror image."""
    return MeanField(model, encoder=nn.Sequential(MLP(X_SHAPE[0], WIDTHS[0], hidden=WIDTHS[:1]), nn.SiLU()))


def trained(name: str, data: Dataset, args: argparse.Namespace) -> tuple[ppgen.Fit, int]:
    """A sampler without a density, and the steps that it was trained for.

    Args:
        name: ``"vae-50"``: how, and how many latents.
        data: images.
        args: of the command line.
    """
    how, latent_dim = name.split("-")
    torch.manual_seed(args.seed)
    budget = Budget(args.minutes)
    plain = GAN(X_SHAPE, int(latent_dim), WIDTHS)
    settings: dict[str, Any] = {"max_epochs": Budget.EPOCHS, "schedule": budget.factor, "callbacks": [budget]}
    settings |= {"seed": args.seed, "device": "cpu", "progress": False, "patience": None}
    if how == "gan":
        objective = ppgen.Adversarial(critic(X_SHAPE, hidden=WIDTHS[:1], features=WIDTHS[1]), r1=1.0)
        rates = {"critic": 5e-4, "generator": 1e-3}
        game = ppgen.fit(
            plain,
            data,
            objective=objective,
            learning_rate=rates,
            batch_size=64,
            average={"generator": 0.999},
            **settings,
        )
        return game, budget.steps
    noisy = GAN(X_SHAPE, int(latent_dim), WIDTHS, observation=NormalNoise(X_SHAPE, 0.3))
    fit = ppgen.fit(noisy, data, guide=encoder(noisy), learning_rate=1e-3, batch_size=128, **settings)
    plain.load_state_dict({key: value for key, value in noisy.state_dict().items() if "observation" not in key})
    fit.state = dataclasses.replace(fit.state, model=plain, guide=None)
    return fit, budget.steps


def ask(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Train a sampler and measure it: a row of the table.

    Args:
        name: of the sampler.
        args: of the command line.
    """
    data = images(args)
    began = time.process_time()
    sampler, steps = trained(name, data, args)
    seconds = {"training": time.process_time() - began}
    began = time.process_time()
    budget = Budget(args.encoder_minutes)
    dense = sampler.with_noise(
        NormalNoise(X_SHAPE, 0.3),
        guide=encoder,
        max_epochs=Budget.EPOCHS,
        schedule=budget.factor,
        callbacks=[budget],
        learning_rate=1e-3,
        batch_size=128,
        device="cpu",
        progress=False,
        seed=args.seed,
    )
    seconds["noise"] = time.process_time() - began
    generator = torch.Generator().manual_seed(args.seed)
    samples = sampler.sample(NUM_SAMPLES, site="x", seed=args.seed)
    windows = parzen_log_prob(samples, data.split("valid")["x"], WINDOWS).mean(1)
    width = WINDOWS[int(windows.argmax())]
    row: dict[str, Any] = {"name": name, "steps": steps, "window": width}
    row["sigma"] = float(dense.model.observation.log_sigma.detach().exp())
    for split in ("test", "train"):
        x = data.split(split)["x"]
        x = x[torch.randperm(len(x), generator=generator)[: args.num_data]]
        began = time.process_time()
        found = annealed_log_prob(dense, x, args.num_steps, seed=args.seed)
        seconds[f"ais {split}"] = time.process_time() - began
        row[split] = {
            "ais": spread(found.values),
            "worst chains": float(found.standard_error.max()),
            "iwae": spread(dense.log_prob_per_datum(x, args.num_particles, seed=args.seed)),
            "kde": spread(parzen_log_prob(samples, x, (width,))[0]),
        }
        print(json.dumps(row), flush=True)
    began = time.process_time()
    apart = sandwiched_log_prob(dense, args.num_simulated, args.num_steps, seed=args.seed)
    seconds["bdmc"] = time.process_time() - began
    row["gap"] = spread(apart.high - apart.low)
    row["seconds"] = {key: round(value, 1) for key, value in seconds.items()}
    row["settings"] = {
        key: value for key, value in vars(args).items() if isinstance(value, int | float) and key != "threads"
    }
    return row | {"torch": torch.__version__, "machine": processor()}


def spread(values: Tensor) -> tuple[float, float]:
    """The mean over data, and its standard error."""
    return float(values.mean()), float(values.std()) / math.sqrt(len(values))


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: what was measured, and what the paper has.

    Args:
        rows: of :func:`ask`.
    """
    lines = [
        "| model | sigma | AIS, test | AIS, train | IWAE, test | KDE, test | gap | window | steps |",
        "|---|" + "---|" * 8,
    ]
    for row in rows:
        test, train = row["test"], row["train"]
        shown = [f"{mean:.1f} ± {error:.1f}" for mean, error in (test["ais"], train["ais"], test["iwae"], test["kde"])]
        gap = f"{row['gap'][0]:.2f} ± {row['gap'][1]:.2f}"
        lines.append(
            f"| {row['name']} | {row['sigma']:.3f} | {' | '.join(shown)} | {gap} | {row['window']:.3f} "
            f"| {row['steps']} |"
        )
    lines += [
        "",
        "The paper's:",
        "",
        "| model | AIS, test | AIS, train | IWAE, test | KDE, test | gap |",
        "|---|" + "---|" * 5,
    ]
    for row in rows:
        told = ("" if value is None else f"{value:g}" for value in PAPER[row["name"]])
        lines.append(f"| {row['name']} | {' | '.join(told)} |")
    return lines


def figure(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw what each estimate says of each model, ours and the paper's.

    Args:
        rows: of :func:`ask`.
        path: where the picture goes.
    """
    import matplotlib.figure

    names = [row["name"] for row in rows]
    measured = {"AIS": "ais", "IWAE": "iwae", "KDE": "kde"}
    published = {"AIS": 0, "IWAE": 2, "KDE": 3}
    sides: dict[str, dict[str, list[float | None]]] = {
        "here": {name: [row["test"][key][0] for row in rows] for name, key in measured.items()},
        "Wu et al., 2017": {name: [PAPER[model][at] for model in names] for name, at in published.items()},
    }
    with house_style():
        drawn = matplotlib.figure.Figure(figsize=(7.2, 2.9), layout="constrained")
        panels = drawn.subplots(1, 2, sharey=True)
        for axes, (title, values) in zip(panels, sides.items(), strict=True):
            ends = []
            for (estimate, heights), colour in zip(values.items(), PALETTE, strict=False):
                axes.plot(names, [math.nan if h is None else h for h in heights], marker="o", color=colour)
                last, height = [(place, height) for place, height in enumerate(heights) if height is not None][-1]
                ends.append((last, height, estimate, colour))
            label_line_ends(axes, ends)
            axes.set_title(title)
            axes.set_xlim(-0.3, len(names) - 0.3)
            axes.tick_params(axis="x", labelcolor=MUTED)
            axes.grid(axis="y")
        panels[0].set_ylabel("nats per test image")
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(path, dpi=160)


def main(argv: list[str] | None = None) -> None:
    """Train and measure; write rows, table and figure."""
    parser = options(
        __doc__,
        minutes=1.5,
        encoder_minutes=0.75,
        num_data=50,
        num_steps=1000,
        num_particles=5000,
        num_simulated=16,
    )
    parser.add_argument("models", nargs="*", choices=[*NAMES, []])
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    rows: list[dict[str, Any]] = []
    for name in args.models:
        rows.append(ask(name, args))
        if args.out:
            keep(rows[-1], args.out, NAMES)
    if args.out:
        rows = kept(args.out, NAMES)
        told = (__doc__ or "").split("likelihoods.png]")[1].strip()
        head = ["# Likelihoods of decoders", "", "`python benchmarks/wu2017.py`; settings in `wu2017.jsonl`.", "", told]
        args.out.with_suffix(".md").write_text("\n".join([*head, "", *table(rows), ""]))
    print("\n".join(table(rows)))
    if args.figure:
        figure(rows, args.figure)


if __name__ == "__main__":
    main()
