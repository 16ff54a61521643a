"""A model of your own in fifteen lines, fitted, judged, and laid beside one of the zoo.

python examples/first_model.py
"""

from __future__ import annotations

import pyro.distributions as dist

import ppgen


class MyVAE(ppgen.Model):
    """z ~ Normal(0, I);  x | z ~ Bernoulli(decoder(z))."""

    def __init__(self, x_shape, latent_dim=8):
        super().__init__()
        self.latent_dim = latent_dim
        self.decoder = ppgen.nets.decoder(latent_dim, x_shape)

    @ppgen.latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([self.latent_dim]).to_event(1)

    @ppgen.observed
    def x(self, z):
        return dist.Bernoulli(logits=self.decoder(z)).to_event(3)


def main() -> None:
    """Run the example."""
    model = MyVAE(x_shape=(1, 8, 8))
    print(model)  # p(z) p(x | z), and what stands at each site

    # The guide is derived from the model, and the objective is what its sites call for: an ELBO.
    mine = ppgen.fit(model, "digits", max_epochs=10, learning_rate=3e-3)

    pair = ppgen.zoo.build("gated-pixelcnn", "digits")
    other = ppgen.fit(
        pair.model, "digits", guide=pair.guide, objective=pair.objective, max_epochs=3, learning_rate=3e-3
    )

    cards = {
        "mine": ppgen.evaluate(mine, num_particles=100),
        "pixelcnn": ppgen.evaluate(other),
    }
    print(cards["mine"])
    print(ppgen.compare(cards))


if __name__ == "__main__":
    main()
