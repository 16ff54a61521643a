"""The unseen part of MNIST digits given one, two or three quadrants: conditional log-likelihoods.

    python benchmarks/quadrants.py --observed 1 [--data-root DIR] [--epochs 20] [--num-particles 100] [--threads 1]

After Sohn, Lee and Yan (2015), table 1, on binary pixels (statically binarised MNIST, 50,000 / 10,000 / 10,000): the
figures are negative log p(unseen | seen) in nats per image, over all test images. Three predictors:

* nearest neighbour: the training image that agrees best with the seen pixels; its unseen pixels, flipped with a
  probability chosen on the validation split (exact);
* network: one network from the seen pixels to independent Bernoullis (exact);
* CVAE: ``models.MaskedVAE``, with a learned prior p(z | seen) (importance-weighted bound).
"""

from __future__ import annotations

import math
from typing import Any

import pyro.distributions as dist
import torch
from gated import X_SHAPE, gated_decoder, gated_encoder
from row import Clock, options, publish
from torch import Tensor, nn

import ppgen
from ppgen import guides, models, nets

__all__ = ["main"]


class Independent(ppgen.Model):
    """x | given ~ Bernoulli(net(given, mask)) where unseen: what can be said without a latent variable."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nets.GatedMLP([(2, 28, 28)], (width, width)), nn.Linear(width, 784), nn.Unflatten(-1, X_SHAPE)
        )

    @ppgen.observed
    def x(self, given: Tensor, mask: Tensor) -> Any:
        logits = torch.where(mask.bool(), 100.0 * (2.0 * given - 1.0), self.net(torch.cat([given, mask], -3)))
        return dist.Bernoulli(logits=logits).to_event(3)


def nearest_neighbour(task: Any) -> dict[str, float]:
    """Negative log-likelihood of copying the nearest training image, with noise."""
    train = task.split("train")
    seen = train["mask"][0].flatten().bool()
    bits = train["x"].flatten(1)

    def wrong(x: Tensor) -> Tensor:
        """The number of unseen pixels that differ from the neighbour's, per image."""
        found = []
        for chunk in x.flatten(1).float().split(500):
            agree = (2 * chunk[:, seen] - 1) @ (2 * bits[:, seen] - 1).T
            found.append((chunk[:, ~seen] != bits[agree.argmax(1)][:, ~seen]).sum(1))
        return torch.cat(found).double()

    unseen = int((~seen).sum())
    flip = float(wrong(task.split("valid")["x"]).mean()) / unseen  # the probability that makes validation most likely
    errors = wrong(task.split("test")["x"])
    nll = -(errors * math.log(flip) + (unseen - errors) * math.log1p(-flip))
    return {"nll": float(nll.mean()), "standard_error": float(nll.std() / len(nll) ** 0.5), "flip": flip}


def main(argv: list[str] | None = None) -> None:
    """Three predictors of one task."""
    parser = options(
        __doc__, observed=1, epochs=20, learning_rate=2e-3, batch_size=128, width=300, latent_dim=40, num_particles=100
    )
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    task = ppgen.data.quadrants(ppgen.data.load("binarized_mnist", root=args.data_root), observed=args.observed)
    clock = Clock()
    publish(args, {"predictor": "nearest neighbour", **nearest_neighbour(task), **clock.read("total")})

    settings = {
        "max_epochs": args.epochs,
        "batch_size": args.batch_size,
        "learning_rate": args.learning_rate,
        "schedule": "cosine",
        "seed": args.seed,
        "device": args.device,
    }
    torch.manual_seed(args.seed)
    clock = Clock()
    fit = ppgen.fit(Independent(args.width), task, patience=5, **settings)
    exact = fit.log_prob()
    publish(
        args,
        {"predictor": "network", "nll": -exact.value, "standard_error": exact.standard_error, **clock.read("train")},
    )

    torch.manual_seed(args.seed)
    clock = Clock()
    model, guide = cvae(args)
    fit = ppgen.fit(model, task, guide=guide, objective=ppgen.ELBO(warmup=args.epochs / 10), **settings)
    spent = clock.read("train")
    clock = Clock()
    elbo, bound = fit.elbo(num_particles=10), fit.log_prob(num_particles=args.num_particles)
    publish(
        args,
        {
            "predictor": "cvae",
            "nll": -bound.value,
            "standard_error": bound.standard_error,
            "estimator": bound.estimator,
            "negative_elbo": -elbo.value,
            **spent,
            **clock.read("evaluation"),
        },
    )


def cvae(args: Any) -> tuple[nn.Module, nn.Module]:
    """``MaskedVAE`` with gated layers in place of convolutions: the better use of little time on a CPU."""
    model = models.MaskedVAE(X_SHAPE, args.latent_dim, args.width)
    model.features = nets.GatedMLP([(2, 28, 28)], (args.width, args.width))
    model.decoder = gated_decoder(args.latent_dim + args.width, args.width)
    return model, guides.NetworkGuide(gated_encoder(args.latent_dim, args.width))


if __name__ == "__main__":
    main()
