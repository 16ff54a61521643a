"""Two levels of latents in fifteen lines: the guide follows the dependency graph upside down.

python examples/two_levels.py
"""

from __future__ import annotations

import pyro.distributions as dist
import torch

import ppgen


class TwoLevels(ppgen.Model):
    """top ~ Normal(0, I);  bottom | top ~ Normal(net(top), 1/2);  x | bottom ~ Bernoulli(decoder(bottom))."""

    def __init__(self, x_shape):
        super().__init__()
        self.net = ppgen.nets.MLP(2, 8)
        self.decoder = ppgen.nets.decoder(8, x_shape, hidden=(64,))

    @ppgen.latent
    def top(self):
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @ppgen.latent
    def bottom(self, top):
        return dist.Normal(self.net(top), 0.5).to_event(1)

    @ppgen.observed
    def x(self, bottom):
        return dist.Bernoulli(logits=self.decoder(bottom)).to_event(3)


def main() -> None:
    """Run the example."""
    torch.manual_seed(0)
    model = TwoLevels(x_shape=(1, 8, 8))
    print(model)
    # q(bottom | x) q(top | bottom): what depends on what in the posterior is read from the declaration.
    guide = ppgen.guides.Structured(model)
    settings = {"max_epochs": 10, "batch_size": 32, "learning_rate": 5e-3}
    fit = ppgen.fit(model, "digits", guide=guide, objective=ppgen.ELBO(warmup=3), **settings)
    print("ELBO   ", fit.elbo())
    print("log p  ", fit.log_prob(num_particles=50))
    codes = fit.encode()
    print("codes  ", {name: tuple(code.shape) for name, code in codes.items()})


if __name__ == "__main__":
    main()
