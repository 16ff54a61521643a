"""Partial labels in fifteen lines: y is observed where the data have it, and summed out where they say -1.

python examples/partial_labels.py
"""

from __future__ import annotations

import pyro.distributions as dist
import torch

import ppgen


class FewLabels(ppgen.Model):
    """y ~ Categorical(1/10);  z ~ Normal(0, I);  x | y, z ~ Bernoulli(decoder(y, z))."""

    def __init__(self, x_shape):
        super().__init__()
        self.decoder = ppgen.nets.decoder(10 + 4, x_shape, hidden=(64,))

    @ppgen.latent
    def y(self):
        return dist.Categorical(logits=torch.zeros(10))

    @ppgen.latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([4]).to_event(1)

    @ppgen.observed
    def x(self, y, z):
        return dist.Bernoulli(logits=self.decoder(ppgen.nets.join(ppgen.nets.one_hot(y, 10), z))).to_event(3)


def main() -> None:
    """Run the example."""
    torch.manual_seed(0)
    data = ppgen.data.partial_labels(ppgen.data.load("digits"), per_class=10)
    print(data)
    fit = ppgen.fit(FewLabels(data.x_shape), data, max_epochs=10, batch_size=32, learning_rate=5e-3)
    print("ELBO   ", fit.elbo())
    print("log p  ", fit.log_prob(num_particles=20))
    # The guide's q(y | x) is a classifier; the test split's labels are held back from it.
    guess, truth = fit.encode()["y"].argmax(1), data.split("test")["y"]
    right = (guess == truth).double()
    print(f"digits named: {right.mean():.3f} ± {(right.var() / len(right)).sqrt():.3f} of {len(right)}")


if __name__ == "__main__":
    main()
