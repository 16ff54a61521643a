"""A PixelVAE against the autoregressive network that is its decoder, at equal budgets of processor time.

    python benchmarks/pixel_vae.py [--data glyphs] [--minutes 0.75] [--out benchmarks/results/pixel_vae.md]

Both are trained on one thread for the same processor time: the recipe ``pixel-vae``, with options of its own where
they are given, and the same gated PixelCNN (layers, channels, kernels, likelihood) without a latent, by maximum
likelihood. Batch, learning rate and its cosine are the same, and the last weights count. Compared on the whole test
split, image by image: -log p(x) of the network alone, which is exact, and of the PixelVAE the negative ELBO and the
importance-weighted bound. The rate is KL(q(z | x) || p(z)); a decoder that does as well without z leaves it at 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from budget import Budget
from trend import processor

import ppgen
from ppgen import nets, zoo
from ppgen.data import Dataset
from ppgen.distributions import Autoregressive, conditionals
from ppgen.inference import elbo_parts

__all__ = ["main"]


class DecoderAlone(ppgen.Model):
    """x_i | x_0 .. x_{i-1} ~ likelihood(network(x)_i): the decoder of a PixelVAE without its z."""

    def __init__(self, pixel_vae: ppgen.models.PixelVAE) -> None:
        super().__init__()
        self.x_shape, self.likelihood, given = pixel_vae.x_shape, pixel_vae.likelihood, pixel_vae.network
        sizes = given.head[1].in_channels, len(given.layers), 3, given.first_vertical.weight.shape[-1]
        self.network = nets.GatedPixelCNN(self.x_shape, *sizes, num_parameters=self.likelihood.shape[0])

    @ppgen.observed
    def x(self) -> Autoregressive:
        return Autoregressive(self.network, self.x_shape, conditional=conditionals.OfPixel(self.likelihood))


def trained(model: ppgen.Model, guide: object, objective: object, data: Dataset, args: argparse.Namespace) -> ppgen.Fit:
    """A fit that took the budget."""
    budget = Budget(args.minutes)
    fit = ppgen.fit(
        model,
        data,
        guide=guide,
        objective=objective,
        max_epochs=Budget.EPOCHS,
        patience=None,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        schedule=budget.factor,
        callbacks=[budget],
        seed=args.seed,
        device="cpu",
        progress=False,
    )
    print(f"{type(model).__name__}: {budget.steps} steps", flush=True)
    return fit


def anatomy(fit: ppgen.Fit, x: torch.Tensor) -> str:
    """Distortion, rate and the rate of each dimension of z over all of x, in nats."""
    codes = fit.guide({"x": x})["z"]
    with torch.no_grad():
        parts = elbo_parts(fit.model, fit.guide, {"x": x}, len(x))
        draw = parts.trace.latents["z"]
        by_dimension = torch.distributions.kl_divergence(draw.guide_fn.base_dist, draw.model_fn.base_dist).mean(0)
    sizes = ", ".join(f"{rate:.2f}" for rate in by_dimension.sort(descending=True).values.tolist())
    return (
        f"-ELBO {parts.distortion + parts.rates['z']:.2f} = distortion {parts.distortion:.2f} + rate "
        f"{parts.rates['z']:.2f}; {int((by_dimension > 0.01).sum())} of {codes.shape[-1]} dimensions of z hold more "
        f"than 0.01 nats: {sizes}."
    )


def spread(values: torch.Tensor) -> str:
    """Mean and 95 % interval of a paired difference."""
    return f"{values.mean():+.2f} ± {1.96 * values.std() / len(values) ** 0.5:.2f}"


def main() -> None:
    """Train both, print the table, write it to ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="glyphs")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--minutes", type=float, default=0.75)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--num-particles", type=int, default=30)
    parser.add_argument("--num-data", type=int, default=1200, help="random test images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=NUMBER", help="options of the recipe")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)

    data = ppgen.data.load(args.data, root=args.data_root)
    given = {
        name: float(value) if "." in value else int(value) for name, value in (each.split("=") for each in args.set)
    }
    model, guide, objective = zoo.build("pixel-vae", data, seed=args.seed, **given)
    torch.manual_seed(args.seed)
    alone = DecoderAlone(model)
    with_z = trained(model, guide, objective, data, args)
    without = trained(alone, None, ppgen.MaximumLikelihood(), data, args)

    x = data.split("test")["x"]
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(args.seed))[: args.num_data]]
    exact = -without.log_prob_per_datum({"x": x})
    bound = -with_z.log_prob_per_datum({"x": x}, args.num_particles)
    elbo = -with_z.log_weights({"x": x}, 4).mean(0)
    taken = [sum(p.numel() for p in net.parameters()) for net in (alone, model)]
    lines = [
        "| model | parameters | estimator | nats | against the decoder alone |",
        "|---|---|---|---|---|",
        f"| decoder alone | {taken[0]:,} | exact | {exact.mean():.2f} | |",
        f"| PixelVAE | {taken[1]:,} | ELBO | ≤ {elbo.mean():.2f} | {spread(elbo - exact)} |",
        f"| PixelVAE | {taken[1]:,} | IWAE-{args.num_particles} | ≤ {bound.mean():.2f} | {spread(bound - exact)} |",
    ]
    words = " ".join(
        ["--data", args.data, "--minutes", f"{args.minutes:g}", *(["--set", *args.set] if args.set else [])]
    )
    text = (
        "# A PixelVAE against its decoder alone\n\n"
        f"`python benchmarks/pixel_vae.py {words}`\n\n"
        f"{processor()}, 1 thread, {60 * args.minutes:.0f} s of processor time each; {args.data}, {len(x)} test "
        f"images, differences image by image with 95 % intervals; seed {args.seed}. Objective: {objective.name}.\n\n"
        + "\n".join(lines)
        + f"\n\nAnatomy: {anatomy(with_z, x)}\n"
    )
    print(text)
    if args.out is not None:
        args.out.write_text(text)


if __name__ == "__main__":
    main()
