"""A conditional model in fifteen lines: an argument that is no site is a covariate, and comes with the data.

python examples/conditional.py
"""

from __future__ import annotations

import pyro.distributions as dist
import torch

import ppgen


class Conditional(ppgen.Model):
    """z ~ Normal(0, I);  x | z, y ~ Bernoulli(decoder(z, y)), with the label y given."""

    def __init__(self, x_shape, num_classes=10):
        super().__init__()
        self.label = torch.nn.Embedding(num_classes, 16)
        self.decoder = ppgen.nets.decoder(8 + 16, x_shape, hidden=(64,))

    @ppgen.latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([8]).to_event(1)

    @ppgen.observed
    def x(self, z, y):
        return dist.Bernoulli(logits=self.decoder(ppgen.nets.join(z, self.label(y)))).to_event(3)


def main() -> None:
    """Run the example."""
    torch.manual_seed(0)
    data = ppgen.data.load("digits")
    fit = ppgen.fit(Conditional(data.x_shape), data, max_epochs=10, batch_size=32, learning_rate=5e-3)
    test = data.split("test")
    told = fit.log_prob_per_datum(num_particles=100)
    # A wrong label makes a digit less probable: the difference is paired, data point by data point.
    wrong = fit.log_prob_per_datum({"x": test["x"], "y": (test["y"] + 1) % 10}, num_particles=100)
    gain = told - wrong
    print("log p(x | y)", fit.log_prob(num_particles=100))
    print(f"the right label is worth {gain.mean():.2f} ± {gain.std() / len(gain) ** 0.5:.2f} nats a digit")
    print("threes", tuple(fit.sample(4, y=3).only.shape))


if __name__ == "__main__":
    main()
