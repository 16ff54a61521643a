"""Published rows of the VAE family on statically binarised MNIST, reproduced within a budget of CPU time.

    python benchmarks/static_mnist.py vae  [--data-root DIR] [--epochs 100] [--seed 0] [--threads 1]
    python benchmarks/static_mnist.py vamp --split valid --num-data 1000 --num-particles 500

Protocol: Larochelle and Murray's fixed bits, 50,000 / 10,000 / 10,000 (``binarized_mnist``); networks of the VampPrior
paper, two gated layers of 300 units each way and 40 latents; the last weights are evaluated, none are picked. Settings
were chosen on the validation split. The quoted number is the importance-weighted bound with 5000 draws for each of all
10,000 test images. ``--num-data`` takes a seeded random subset, never a prefix: the test file is sorted by digit.
"""

from __future__ import annotations

from typing import Any

import torch
from gated import X_SHAPE, GatedVAE, gated_encoder
from row import Clock, options, publish
from torch import Tensor, nn

import ppgen
from ppgen import guides, models

__all__ = ["main"]

LATENT_DIM, WIDTH = 40, 300


def build(name: str, train: Tensor, num_components: int) -> tuple[nn.Module, nn.Module]:
    """Model and guide of a row of the table."""
    if name == "vae":
        return GatedVAE(LATENT_DIM, WIDTH), guides.NetworkGuide(gated_encoder(LATENT_DIM, WIDTH))
    model = models.VampPriorVAE(X_SHAPE, LATENT_DIM, num_components, (WIDTH, WIDTH))
    model.pseudo_inputs.start_at(train[torch.randperm(len(train))[:num_components]])
    return model, guides.NetworkGuide(model.posterior)


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate, print, and append one line of JSON to ``--out``."""
    parser = options(
        __doc__, epochs=100, batch_size=128, learning_rate=2e-3, components=500, num_particles=5000, num_data=10_000
    )
    parser.add_argument("row", choices=["vae", "vamp"])
    parser.add_argument("--split", default="test")
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    data = ppgen.data.load("binarized_mnist", root=args.data_root)
    torch.manual_seed(args.seed)
    model, guide = build(args.row, data.split("train")["x"], args.components)
    clock = Clock()
    fit = ppgen.fit(
        model,
        data,
        guide=guide,
        objective=ppgen.ELBO(warmup=args.epochs / 10),
        max_epochs=args.epochs,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        schedule="cosine",
        seed=args.seed,
        device=args.device,
    )
    result: dict[str, Any] = {
        **clock.read("train"),
        "train_elbo": fit.history[-1]["train"]["elbo"],
        "valid_elbo": fit.history[-1]["valid"]["elbo"],
    }
    print(result, flush=True)
    x = data.split(args.split)["x"]
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(args.seed))[: args.num_data]]
    clock = Clock()
    elbo, bound = fit.elbo({"x": x}, num_particles=10), fit.log_prob({"x": x}, args.num_particles)
    result |= {
        "elbo": elbo.value,
        "log_prob_at_least": bound.value,
        "standard_error": bound.standard_error,
        "estimator": bound.estimator,
        "num_data": bound.num_data,
        **clock.read("evaluation"),
    }
    publish(args, result)


if __name__ == "__main__":
    main()
