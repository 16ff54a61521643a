"""Your own arrays, with a covariate: p(x | y) on points of the plane, as numpy gives them.

python examples/user_data.py
"""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist
import torch
from sklearn.datasets import make_moons

import ppgen


class Moons(ppgen.Model):
    """z ~ Normal(0, I);  x | z, y ~ Normal(decoder(z, y), scale). An argument that is no site is a covariate: y."""

    def __init__(self, latent_dim: int = 2, num_classes: int = 2) -> None:
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.decoder = ppgen.nets.MLP(latent_dim + num_classes, 2, (32, 32))
        self.log_scale = torch.nn.Parameter(torch.tensor(-1.0))

    @ppgen.latent
    def z(self) -> dist.TorchDistribution:
        return dist.Normal(0.0, 1.0).expand([self.latent_dim]).to_event(1)

    @ppgen.observed
    def x(self, z: torch.Tensor, y: torch.Tensor) -> dist.TorchDistribution:
        given = ppgen.nets.join(z, ppgen.nets.one_hot(y, self.num_classes))
        return dist.Normal(self.decoder(given), self.log_scale.exp()).to_event(1)


def main() -> None:
    """Run the example."""
    x, y = make_moons(n_samples=2000, noise=0.1, random_state=0)
    data = ppgen.data.from_tensors({"x": x.astype(np.float32), "y": y}, valid=0.1, test=0.2, name="moons")
    print(data)  # three disjoint splits; the measure is read from the values
    fit = ppgen.fit(Moons(), data, max_epochs=20, batch_size=64, learning_rate=3e-3)
    print(fit.log_prob(num_particles=200))
    upper = fit.sample(500, y=0).only
    print(f"half-moon 0: mean {upper.mean(0).tolist()}")
    # New data of the same kind need no labels of their own split: give them as they are.
    print(fit.elbo({"x": torch.tensor([[0.0, 1.0]]), "y": torch.tensor([0])}, num_particles=100))


if __name__ == "__main__":
    main()
