"""A mixture with a discrete latent in fifteen lines: the cluster is summed out, and q(c | x) is a clustering.

python examples/clusters.py
"""

from __future__ import annotations

import pyro.distributions as dist
import torch

import ppgen


class Clusters(ppgen.Model):
    """c ~ Categorical(1/10);  z | c ~ Normal(mean_c, I);  x | z ~ Bernoulli(decoder(z))."""

    def __init__(self, x_shape):
        super().__init__()
        self.means = torch.nn.Parameter(1.5 * torch.randn(10, 8))
        self.decoder = ppgen.nets.decoder(8, x_shape, hidden=(64,))

    @ppgen.latent
    def c(self):
        return dist.Categorical(logits=torch.zeros(10))

    @ppgen.latent
    def z(self, c):
        return dist.Normal(self.means[c], 1.0).to_event(1)

    @ppgen.observed
    def x(self, z):
        return dist.Bernoulli(logits=self.decoder(z)).to_event(3)


def main() -> None:
    """Run the example."""
    torch.manual_seed(0)
    data = ppgen.data.load("digits")
    model = Clusters(data.x_shape)
    # One encoder for all clusters; which one x belongs to follows from where it lies. A derived guide works as well.
    encoder = ppgen.nets.encoder(data.x_shape, 64, (64,))
    guide = ppgen.guides.Clustered(model, ppgen.nets.Gaussian(encoder, 64, 8))
    fit = ppgen.fit(model, data, guide=guide, max_epochs=10, batch_size=32, learning_rate=5e-3)
    print("ELBO   ", fit.elbo())
    print("log p  ", fit.log_prob(num_particles=20))
    # The most common digit of each cluster, named by the validation split; labels played no part in the fit.
    valid, test = data.split("valid"), data.split("test")
    named, found = (fit.encode({"x": split["x"]})["c"].argmax(1) for split in (valid, test))
    names = torch.stack([valid["y"][named == cluster].bincount(minlength=10) for cluster in range(10)]).argmax(1)
    right = (names[found] == test["y"]).double()
    error = (right.var() / len(right)).sqrt()
    print(f"digits named by their cluster: {right.mean():.3f} ± {error:.3f} of {len(right)}")


if __name__ == "__main__":
    main()
