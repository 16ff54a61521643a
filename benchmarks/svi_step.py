"""Time one optimizer step: ppgen.fit against hand-written PyTorch and against Pyro's own SVI.

    python benchmarks/svi_step.py [--rounds 60] [--threads 1] [--device cpu] [--out benchmarks/results/svi_step.md]

Every method trains the same VAE from the same weights: Bernoulli pixels, a standard normal prior, Adam. Blocks of a
few steps are interleaved in random order within each round, in one process, and the table gives medians over rounds
as ratios to hand-written PyTorch (closed-form KL, eager, torch.optim.Adam with defaults, loss read at each step).
The model and guide given to ppgen and to Pyro are the same unchanged Pyro functions. An earlier checkout is timed by
this same file: PYTHONPATH=CHECKOUT python benchmarks/svi_step.py.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from interleaved import Times, in_turns, publish_steps, walked_through
from pyro.infer import SVI, Trace_ELBO
from torch import Tensor, nn

import ppgen

__all__ = ["WORKLOADS", "measure", "table"]


class Encoder(nn.Module):
    """x to the mean and log-scale of q(z | x), [batch, latent_dim] each, on features [batch, width]."""

    def __init__(self, trunk: nn.Module, width: int, latent_dim: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.loc, self.log_scale = nn.Linear(width, latent_dim), nn.Linear(width, latent_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x)
        return self.loc(h), self.log_scale(h)


def perceptrons(sizes: list[int], latent_dim: int) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of vectors [batch, sizes[0]], with these layers between."""
    trunk: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(sizes):
        trunk += [nn.Linear(before, after), nn.ReLU()]
    encoder = Encoder(nn.Sequential(*trunk), sizes[-1], latent_dim)
    layers: list[nn.Module] = []
    for before, after in zip([latent_dim, *sizes[:0:-1]], sizes[:0:-1], strict=False):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return encoder, nn.Sequential(*layers, nn.Linear(sizes[1], sizes[0]))


def convolutions(latent_dim: int) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of images [batch, 1, 28, 28]: channels 32 and 64, kernel 4, stride 2."""
    trunk = nn.Sequential(nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(), nn.Flatten())
    encoder = Encoder(trunk, 64 * 49, latent_dim)
    return encoder, nn.Sequential(
        nn.Linear(latent_dim, 64 * 49),
        nn.ReLU(),
        nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 32, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, 1),
    )


class Workload:
    """Networks, data and batch size of one row of the table."""

    def __init__(self, sizes: list[int] | None, latent_dim: int, batch_size: int) -> None:
        self.sizes, self.latent_dim, self.batch_size = sizes, latent_dim, batch_size

    def networks(self, device: torch.device) -> tuple[nn.Module, nn.Module]:
        """Encoder and decoder with seeded weights."""
        torch.manual_seed(0)
        pair = convolutions(self.latent_dim) if self.sizes is None else perceptrons(self.sizes, self.latent_dim)
        return pair[0].to(device), pair[1].to(device)

    def data(self, device: torch.device) -> Tensor:
        """Sixteen batches of random binary images."""
        shape = (1, 28, 28) if self.sizes is None else (784,)
        generator = torch.Generator().manual_seed(0)
        return (torch.rand(16 * self.batch_size, *shape, generator=generator) < 0.2).float().to(device)


WORKLOADS = {
    "mlp 784-400-20, batch 128": Workload([784, 400], 20, 128),
    "mlp 784-512-512-50, batch 512": Workload([784, 512, 512], 50, 512),
    "conv 1-32-64, z 32, batch 128": Workload(None, 32, 128),
    "tiny 784-64-2, batch 64": Workload([784, 64], 2, 64),
}

Step = Callable[[], float]


def hand_written(encoder: nn.Module, decoder: nn.Module, x: Tensor, batch_size: int) -> Step:
    """The loop that one writes by hand: closed-form KL, Adam, eager."""
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    position = 0

    def step() -> float:
        nonlocal position
        index = torch.arange(position, position + batch_size, device=x.device)
        position = (position + batch_size) % len(x)
        batch = x.index_select(0, index)
        loc, log_scale = encoder(batch)
        scale = log_scale.exp()
        z = loc + scale * torch.randn_like(scale)
        nll = nn.functional.binary_cross_entropy_with_logits(decoder(z), batch, reduction="sum")
        kl = 0.5 * (loc.square() + scale.square() - 1 - 2 * log_scale).sum()
        loss = (nll + kl) / batch_size
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def programs(encoder: nn.Module, decoder: nn.Module, latent_dim: int, event_dim: int) -> tuple[Callable, Callable]:
    """Model and guide as a Pyro user writes them."""

    def model(x: Tensor) -> None:
        pyro.module("decoder", decoder)
        with pyro.plate("data", x.shape[0]):
            zeros = x.new_zeros(x.shape[0], latent_dim)
            z = pyro.sample("z", dist.Normal(zeros, torch.ones_like(zeros)).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=decoder(z)).to_event(event_dim), obs=x)

    def guide(x: Tensor) -> None:
        pyro.module("encoder", encoder)
        with pyro.plate("data", x.shape[0]):
            loc, log_scale = encoder(x)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))

    return model, guide


def pyro_svi(encoder: nn.Module, decoder: nn.Module, workload: Workload, x: Tensor) -> Step:
    """Pyro's own SVI with Trace_ELBO and its Adam, as its tutorials write it."""
    model, guide = programs(encoder, decoder, workload.latent_dim, x.dim() - 1)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 1e-3}), loss=Trace_ELBO())
    position = 0

    def step() -> float:
        nonlocal position
        index = torch.arange(position, position + workload.batch_size, device=x.device)
        position = (position + workload.batch_size) % len(x)
        return float(svi.step(x.index_select(0, index)))

    return step


def inside(*places: str) -> Any:
    """What the first of these places holds: a checkout has one, by its age."""
    for place in places:
        module, _, name = place.partition(":")
        with contextlib.suppress(ImportError, AttributeError):
            return getattr(importlib.import_module(module), name)
    raise ImportError(f"{ppgen.__file__}: none of {', '.join(places)}")


def ppgen_step(encoder: nn.Module, decoder: nn.Module, workload: Workload, x: Tensor) -> Step:
    """The step that ppgen.fit makes, on the same functions, with its own data, optimizer and checks."""
    program = ppgen.Program(*programs(encoder, decoder, workload.latent_dim, x.dim() - 1)).setup({"x": x[:4]})
    dataset = ppgen.data.from_tensors({"x": x.cpu()}, valid=0.0, test=0.0)
    minibatches = inside(
        "ppgen.training.prepare:Minibatches", "ppgen.training.prepare:Resident", "ppgen.fitting.resident:Resident"
    )(dataset, "train", workload.batch_size, x.device, seed=0)
    position = inside("ppgen.objectives:TrainingPosition", "ppgen.objectives:Moment")
    pair, settings = (program.model, program.guide, ppgen.ELBO()), {"learning_rate": 1e-3, "clip_norm": None}
    try:
        problem_of = inside("ppgen.training.prepare:Problem")
        try:
            problem = problem_of(*pair, minibatches.size)
            problem.modules  # noqa: B018  (of releases whose objectives own their networks)
        except (TypeError, AttributeError):
            state = pair[2].setup(*pair[:2], {"x": x[:4]})
            problem = problem_of(pair[2], state, pair[2].players(state), minibatches.size)
        take = inside("ppgen.training.step:TrainingStep")(problem, device=x.device, **settings)
    except ImportError:
        engine = inside("ppgen.training.step:Engine", "ppgen.fitting.engine:Engine")
        take = engine(*pair, size=minibatches.size, device=x.device, **settings).step
    return walked_through(minibatches, take, position, "loss")


def measure(name: str, device: torch.device, rounds: int, steps_a_block: int) -> Times:
    """Seconds a step of every method, one value for each round."""
    print(name)
    workload = WORKLOADS[name]
    x = workload.data(device)
    encoder, decoder = workload.networks(device)
    pyro.clear_param_store()
    methods = {
        "hand-written": hand_written(copy.deepcopy(encoder), copy.deepcopy(decoder), x, workload.batch_size),
        "ppgen": ppgen_step(copy.deepcopy(encoder), copy.deepcopy(decoder), workload, x),
        "Pyro SVI": pyro_svi(copy.deepcopy(encoder), copy.deepcopy(decoder), workload, x),
    }
    first = {name: step() for name, step in methods.items()}
    print("  loss at the first step:", {name: round(value, 1) for name, value in first.items()})
    for step in methods.values():
        for _ in range(20):
            step()
    return in_turns(methods, rounds, steps_a_block, device)


def table(results: dict[str, Times]) -> str:
    """Medians in ms, and ratios to hand-written with the quartiles over rounds."""
    lines = ["| workload | hand-written (ms) | ppgen | quartiles | Pyro SVI | quartiles |", "|---|---|---|---|---|---|"]
    for name, times in results.items():
        base = times["hand-written"]
        cells = [name, f"{1e3 * statistics.median(base):.2f}"]
        for method in ("ppgen", "Pyro SVI"):
            ratios = [t / b for t, b in zip(times[method], base, strict=True)]
            low, _, high = statistics.quantiles(ratios, n=4)
            cells += [f"**{statistics.median(times[method]) / statistics.median(base):.3f}**", f"{low:.2f}-{high:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    publish_steps(
        "svi_step",
        "Step time, as a ratio to hand-written PyTorch",
        WORKLOADS,
        measure,
        table,
        rounds=60,
        steps=5,
        versions=f"pyro {pyro.__version__}, ",
    )
