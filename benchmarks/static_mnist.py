"""Published rows of the VAE family on statically binarised MNIST, reproduced within a budget of CPU time.

    python benchmarks/static_mnist.py vae  [--data-root DIR] [--epochs 100] [--seed 0] [--threads 1]
    python benchmarks/static_mnist.py vamp --split valid --num-data 1000 --num-particles 500

Protocol: Larochelle and Murray's fixed bits, 50,000 / 10,000 / 10,000 (``binarized_mnist``); networks of the VampPrior
paper, two gated layers of 300 units each way and 40 latents; the last weights are evaluated, none are picked. Settings
were chosen on the validation split. The quoted number is the importance-weighted bound with 5000 draws for each of all
10,000 test images. ``--num-data`` takes a seeded random subset, never a prefix: the test file is sorted by digit.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from pathlib import Path
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn

import ppgen
from ppgen import guides, models, nets

__all__ = ["main"]

X_SHAPE, LATENT_DIM, HIDDEN = (1, 28, 28), 40, (300, 300)


class GatedVAE(ppgen.Model):
    """z ~ Normal(0, I);  x | z ~ Bernoulli(decoder(z)), with the gated layers of the VampPrior paper."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Sequential(
            nets.GatedMLP([(LATENT_DIM,)], HIDDEN[::-1]), nn.Linear(HIDDEN[0], 784), nn.Unflatten(-1, X_SHAPE)
        )

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([LATENT_DIM]).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> Any:
        return dist.Bernoulli(logits=self.decoder(z)).to_event(3)


def build(name: str, train: Tensor, num_components: int) -> tuple[nn.Module, nn.Module]:
    """Model and guide of a row of the table."""
    if name == "vae":
        return GatedVAE(), guides.Amortized(nets.Gaussian(nets.GatedMLP([X_SHAPE], HIDDEN), HIDDEN[-1], LATENT_DIM))
    model = models.VampPriorVAE(X_SHAPE, LATENT_DIM, num_components, HIDDEN)
    model.pseudo_inputs.start_at(train[torch.randperm(len(train))[:num_components]])
    return model, guides.Amortized(model.posterior)


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate, print, and append one line of JSON to ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", choices=["vae", "vamp"])
    parser.add_argument("--data-root", help="folder with the data; else PPGEN_DATA, else downloaded")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--components", type=int, default=500, help="pseudo-inputs of the VampPrior")
    parser.add_argument("--split", default="test")
    parser.add_argument("--num-data", type=int, help="a random subset of the split; all of it by default")
    parser.add_argument("--num-particles", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    data = ppgen.data.load("binarized_mnist", root=args.data_root)
    torch.manual_seed(args.seed)
    model, guide = build(args.row, data.split("train")["x"], args.components)
    began, cpu = time.perf_counter(), time.process_time()
    fit = ppgen.fit(
        model,
        guide,
        data,
        ppgen.ELBO(warmup=args.epochs / 10),
        max_epochs=args.epochs,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        schedule="cosine",
        seed=args.seed,
        device=args.device,
    )
    result: dict[str, Any] = {
        "row": args.row,
        **{key: getattr(args, key) for key in ("epochs", "batch_size", "learning_rate", "seed", "threads")},
        "components": args.components if args.row == "vamp" else None,
        "train_wall_minutes": round((time.perf_counter() - began) / 60, 2),
        "train_cpu_minutes": round((time.process_time() - cpu) / 60, 2),
        "train_elbo": fit.history[-1]["train"]["elbo"],
        "valid_elbo": fit.history[-1]["valid"]["elbo"],
    }
    print(json.dumps(result), flush=True)
    x = data.split(args.split)["x"]
    if args.num_data:
        x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(args.seed))[: args.num_data]]
    elbo = fit.elbo({"x": x}, num_particles=10)
    began = time.perf_counter()
    bound = fit.log_prob_per_datum({"x": x}, args.num_particles)
    result |= {
        "split": args.split,
        "num_data": len(x),
        "num_particles": args.num_particles,
        "elbo": elbo.value,
        "log_prob_at_least": float(bound.mean()),
        "standard_error": float(bound.std() / math.sqrt(len(bound))),
        "evaluation_minutes": round((time.perf_counter() - began) / 60, 2),
        "machine": f"{platform.machine()}, torch {torch.__version__}, ppgen {ppgen.__version__}",
    }
    print(json.dumps(result, indent=1), flush=True)
    if args.out:
        with args.out.open("a") as file:
            file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
