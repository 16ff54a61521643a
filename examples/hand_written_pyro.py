"""An existing Pyro model and guide, with pyro.param and pyro.module, taken as they are.

python examples/hand_written_pyro.py
"""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import torch
from torch import nn
from torch.distributions import constraints

import ppgen

encoder = nn.Linear(64, 2 * 4)
decoder = nn.Linear(4, 64)


def model(x: torch.Tensor) -> None:
    """Factor analysis: z ~ Normal(0, I);  x | z ~ Normal(W z + b, scale), with one scale a pixel."""
    pyro.module("decoder", decoder)
    scale = pyro.param("scale", torch.full((64,), 0.5), constraint=constraints.positive)
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(torch.zeros(4), 1.0).to_event(1))
        pyro.sample("x", dist.Normal(decoder(z), scale).to_event(1), obs=x)


def guide(x: torch.Tensor) -> None:
    """q(z | x) = Normal(A x + c, exp(B x + d))."""
    pyro.module("encoder", encoder)
    with pyro.plate("data", len(x)):
        loc, log_scale = encoder(x).chunk(2, dim=-1)
        pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


def main() -> None:
    """Run the example."""
    images = ppgen.data.load("digits", binarize=None)
    flat = {split: {"x": images.split(split)["x"].flatten(1)} for split in ("train", "valid", "test")}
    fit = ppgen.fit(ppgen.Program(model, guide), flat, max_epochs=20, learning_rate=1e-2)
    print(fit.log_prob(num_particles=100))
    print("codes", tuple(fit.encode().only.shape), "reconstructions", tuple(fit.reconstruct().only.shape))
    # The parameters live in the fit: Pyro's global store is as empty as before.
    print("global parameters:", list(pyro.get_param_store().keys()))


if __name__ == "__main__":
    main()
