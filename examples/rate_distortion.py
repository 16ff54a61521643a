"""What beta buys: the same VAE under six weights on the rate, as points of the rate-distortion plane.

python examples/rate_distortion.py [--epochs 60] [--figure docs/figures/rate-distortion.png]
"""

from __future__ import annotations

import argparse

import torch

import ppgen
from ppgen.reporting import rate_distortion

BETAS = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0)


def main() -> None:
    """Run the sweep, print it, and draw it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--figure", help="where to save the picture")
    args = parser.parse_args()

    points = {}
    print(f"{'beta':>5} {'rate':>7} {'distortion':>11} {'ELBO':>8}   on the validation split, nats per datum")
    for beta in BETAS:
        torch.manual_seed(0)
        fit = ppgen.fit(
            ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=16),
            data="digits",
            objective=ppgen.ELBO(beta=beta),
            max_epochs=args.epochs,
            batch_size=64,
            learning_rate=2e-3,
            schedule="cosine",
            progress=False,
        )
        row = fit.history[-1]["valid"]
        points[f"beta {beta:g}"] = row["rate/z"], row["distortion"]
        print(f"{beta:5g} {row['rate/z']:7.2f} {row['distortion']:11.2f} {row['elbo']:8.2f}")

    drawn = rate_distortion(points)
    print(drawn.caption)
    if args.figure:
        print(f"figure: {drawn.save(args.figure)}")


if __name__ == "__main__":
    main()
