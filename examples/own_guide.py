"""A guide written by hand beside one that is derived: the same model, two posteriors, one comparison.

python examples/own_guide.py
"""

from __future__ import annotations

import pyro.distributions as dist
import torch
from torch import nn
from torch.nn.functional import softplus

import ppgen


class Encoder(ppgen.Guide):
    """q(z | x) = Normal(loc(x), scale(x)): a method for each latent of the model; its parents are what it may see."""

    def __init__(self, num_pixels: int, latent_dim: int) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Flatten(), nn.Linear(num_pixels, 64), nn.Tanh(), nn.Linear(64, 2 * latent_dim))

    @ppgen.latent
    def z(self, x: torch.Tensor) -> dist.TorchDistribution:
        loc, raw = self.network(x).chunk(2, dim=-1)
        return dist.Normal(loc, softplus(raw) + 1e-3).to_event(1)


def main() -> None:
    """Run the example."""
    data = ppgen.data.load("digits")
    cards = {}
    for name, write_guide in {
        "hand-written": lambda model: Encoder(num_pixels=64, latent_dim=model.latent_dim),
        "derived, full-rank": ppgen.guides.FullRank,
    }.items():
        torch.manual_seed(0)  # both models start from the same weights
        model = ppgen.models.VAE(data.x_shape, latent_dim=4)
        guide = write_guide(model)
        ppgen.check(model, guide, {"x": data.split("train")["x"][:8]})  # fit does this too
        fit = ppgen.fit(model, data, guide=guide, max_epochs=6, learning_rate=3e-3)
        cards[name] = ppgen.evaluate(fit, num_particles=50)
    print(ppgen.compare(cards))


if __name__ == "__main__":
    main()
