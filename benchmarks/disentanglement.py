"""VAE, beta-VAE and beta-TCVAE on the sprites: scores of disentanglement over several seeds, every one shown.

    python benchmarks/disentanglement.py [--seconds 120] [--seeds 5] [--out benchmarks/results/disentanglement.md]

Each fit is a VAE of ten latents trained for so many seconds of processor time on one thread, with Adam at 1e-3 which
falls along a cosine; the last weights are evaluated. The weights, beta = 4 for the beta-VAE (Higgins et al., 2017) and
beta = 6 for the beta-TCVAE (Chen et al., 2018), are those of the papers: no factor was looked at to choose anything.
"""

from __future__ import annotations

import statistics

import torch
from budget import Budget
from row import options
from trend import processor

import ppgen
from ppgen import ELBO, Objective, TotalCorrelation, models

__all__ = ["main"]

ROWS: dict[str, Objective] = {"VAE": ELBO(), "beta-VAE": ELBO(beta=4.0), "beta-TCVAE": TotalCorrelation(6.0)}
SCORES = ("mig", "sap", "modularity", "factor_vae_score", "beta_vae_score")
BATCH = 64


def train(objective: Objective, seed: int, seconds: float) -> ppgen.Fit:
    """One fit within the budget."""
    torch.manual_seed(seed)
    budget = Budget(seconds / 60.0)
    return ppgen.fit(
        models.VAE((1, 32, 32), latent_dim=10),
        "sprites",
        objective=objective,
        max_epochs=Budget.EPOCHS,
        batch_size=BATCH,
        learning_rate=1e-3,
        schedule=budget.factor,
        patience=None,
        seed=seed,
        device="cpu",
        callbacks=[budget],
        progress=False,
    )


def main(argv: list[str] | None = None) -> None:
    """Train, score, print; write the table to ``--out``."""
    parser = options(__doc__, seconds=120.0, seeds=5)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ROWS}
    for seed in range(args.seed, args.seed + args.seeds):  # seed by seed, so that a run cut short is even
        for name, objective in ROWS.items():
            fit = train(objective, seed, args.seconds)
            card = ppgen.evaluate(fit, [*SCORES, "elbo"], num_particles=1, progress=False)
            told = card["disentanglement"] | card["density"]
            found[name].append({key: told[key].value for key in (*SCORES, "elbo")})
            print(name, seed, {key: round(value, 4) for key, value in found[name][-1].items()}, flush=True)
    lines = [
        "# Disentanglement of the sprites\n",
        f"`python benchmarks/disentanglement.py --seconds {args.seconds:g} --seeds {args.seeds}`\n",
        f"{processor()}, {args.threads} thread, {args.seconds:g} s of processor time each fit, batches of {BATCH}, ten "
        "latents, the last weights; beta = 4 and 6 as in the papers, chosen by no label. Median, and the value of each "
        "seed in rising order.\n",
        f"| score | {' | '.join(ROWS)} |",
        "|---" * (len(ROWS) + 1) + "|",
    ]
    for key in (*SCORES, "elbo"):
        cells = []
        for scores in found.values():
            values = sorted(score[key] for score in scores)
            cells.append(f"{statistics.median(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})")
        lines.append(f"| {key} | {' | '.join(cells)} |")
    wins = {
        name: sum(ours["mig"] > plain["mig"] for ours, plain in zip(scores, found["VAE"], strict=True))
        for name, scores in found.items()
        if name != "VAE"
    }
    text = ", ".join(f"{name} on {count} of {args.seeds}" for name, count in wins.items())
    lines.append(f"\nA higher MIG than the VAE of the same seed: {text}.")
    print("\n".join(lines))
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
