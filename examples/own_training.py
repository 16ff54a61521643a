"""Training of one's own: an objective, a callback, an optimizer for each player, and unpaired data.

python examples/own_training.py
"""

from __future__ import annotations

import dataclasses
import functools
import json
import tempfile
from pathlib import Path

import pyro.distributions as dist
import torch

import ppgen
from ppgen.inference import elbo_parts


@dataclasses.dataclass(frozen=True)
class Tempered(ppgen.Objective):
    """An ELBO whose likelihood counts for less."""

    temperature: float = 2.0

    def loss(self, state, player, step):
        parts = elbo_parts(step.model, step.guide, step.batch, step.size)
        return ppgen.Loss(parts.distortion / self.temperature + parts.rate, parts.record())


class GoodEnough(ppgen.Callback):
    """Ends the training at an ELBO of -30 nats, and keeps the bits per pixel of every epoch."""

    def epoch(self, training):
        training.log("bits per pixel", -training.row["valid"]["elbo"] / 64 / 0.6931)
        if training.row["valid"]["elbo"] > -30:
            training.stop("good enough")


class TwoWalks(ppgen.Model):
    """z ~ Normal(0, 1);  left | z and right | z, each an affine Gaussian of its own."""

    def __init__(self):
        super().__init__()
        self.to_left, self.to_right = torch.nn.Linear(1, 3), torch.nn.Linear(1, 2)

    @ppgen.latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([1]).to_event(1)

    @ppgen.observed
    def left(self, z):
        return dist.Normal(self.to_left(z), 1.0).to_event(1)

    @ppgen.observed
    def right(self, z):
        return dist.Normal(self.to_right(z), 1.0).to_event(1)


def main() -> None:
    """Run the example."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "tempered"
        vae = ppgen.models.VAE((1, 8, 8), latent_dim=8)
        fit = ppgen.fit(vae, "digits", objective=Tempered(1.5), callbacks=[GoodEnough()], max_epochs=30, out=run)
        print(f"{fit.objective.name} stopped after {len(fit.history)} epochs: {fit.stopped}")
        first = (run / "history.jsonl").read_text().splitlines()[0]
        print("The run folder has the callback's numbers:", json.loads(first)["logged"])

    comparison = ppgen.compare({"tempered": ppgen.evaluate(fit, metrics=["log_prob"], num_particles=50)})
    print(comparison)

    momentum = functools.partial(torch.optim.SGD, momentum=0.9)
    gan = ppgen.models.GAN((1, 8, 8))
    fit = ppgen.fit(gan, "digits", optimizer={"critic": momentum}, learning_rate={"critic": 1e-2}, max_epochs=2)
    print("optimizers:", fit.settings["optimizer"])

    left, right = torch.randn(300, 3), torch.randn(120, 2)
    data = ppgen.data.unpaired(left=left, right=right)
    fit = ppgen.fit(TwoWalks(), data, max_epochs=2)
    print("unpaired:", {name: domain.size("train") for name, domain in data.domains.items()}, fit.elbo().kind)


if __name__ == "__main__":
    main()
