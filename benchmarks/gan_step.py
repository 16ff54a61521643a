"""Time one step of an adversarial game: ppgen.fit's own step against a hand-written PyTorch loop.

    python benchmarks/gan_step.py [--rounds 20] [--threads 1] [--device cpu] [--out benchmarks/results/gan_step.md]

Both play the same game with the same networks from the same weights: one turn of the critic and one of the generator a
batch, each with its own torch.optim.Adam(fused=True). The hand-written loop knows no Pyro and none of ppgen's checks or
records; it reads both losses at each step. Blocks of steps are interleaved in random order within each round, in one
process; the table gives medians over rounds, of processor time on the CPU and of wall time on a GPU.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import torch
from interleaved import Times, in_turns, publish_steps, walked_through
from torch import Tensor, nn
from torch.nn import functional

import ppgen
from ppgen import models, nets
from ppgen.data import from_tensors
from ppgen.objectives import TrainingPosition
from ppgen.training.prepare import Minibatches, Problem
from ppgen.training.step import TrainingStep

__all__ = ["WORKLOADS", "measure", "table"]

Step = Callable[[], float]
# The shape of the data, and the batch size.
WORKLOADS: dict[str, tuple[tuple[int, ...], int]] = {
    "perceptrons of points": ((2,), 256),
    "convolutions of 28x28 images": ((1, 28, 28), 64),
}


def hand_written(model: models.GAN, critic: nn.Module, x: Tensor, batch_size: int) -> Step:
    """The loop that one writes by hand."""
    generator = nn.Sequential(model.generator, model.output)
    players = [torch.optim.Adam(p.parameters(), lr=1e-3, betas=(0.5, 0.999), fused=True) for p in (critic, generator)]
    position = 0

    def step() -> float:
        nonlocal position
        real = x[position : position + batch_size]
        position = (position + batch_size) % len(x)
        with torch.no_grad():
            fake = generator(torch.randn(batch_size, model.latent_dim, device=x.device))
        critic_loss = functional.softplus(-critic(real)).mean() + functional.softplus(critic(fake)).mean()
        players[0].zero_grad()
        critic_loss.backward()
        players[0].step()
        critic.requires_grad_(False)
        drawn = generator(torch.randn(batch_size, model.latent_dim, device=x.device))
        generator_loss = functional.softplus(-critic(drawn)).mean()
        players[1].zero_grad()
        generator_loss.backward()
        players[1].step()
        critic.requires_grad_(True)
        return critic_loss.item() + generator_loss.item()

    return step


def ppgen_step(model: models.GAN, critic: nn.Module, x: Tensor, batch_size: int) -> Step:
    """The step that ppgen.fit makes, with its own data, optimizers, record and checks."""
    minibatches = Minibatches(from_tensors({"x": x.cpu()}, valid=0.0, test=0.0), "train", batch_size, x.device, seed=0)
    objective = ppgen.Adversarial(critic)
    state = objective.setup(model, None, {"x": x[:4]})
    problem = Problem(objective, state, objective.players(state), minibatches.size)
    take = TrainingStep(problem, device=x.device, learning_rate=1e-3, clip_norm=None)
    return walked_through(minibatches, take, TrainingPosition, "critic_loss", "generator_loss")


def measure(name: str, device: torch.device, rounds: int, steps_a_block: int) -> Times:
    """Seconds a step of both, one value for each round."""
    shape, batch_size = WORKLOADS[name]
    torch.manual_seed(0)
    x = torch.rand(8 * batch_size, *shape).to(device)
    model, critic = models.GAN(shape, 16).to(device), nets.critic(shape).to(device)
    methods = {
        "hand-written": hand_written(copy.deepcopy(model), copy.deepcopy(critic), x, batch_size),
        "ppgen": ppgen_step(model, critic, x, batch_size),
    }
    for step in methods.values():
        for _ in range(3):
            step()
    # Which others at work on the processor do not disturb.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    return in_turns(methods, rounds, steps_a_block, device, clock)


def table(results: dict[str, Times]) -> str:
    """Medians in ms of the hand-written loop, and of ppgen's ratios to it within a round, with quartiles."""
    lines = ["| networks | hand-written, ms a step | ppgen | quartiles |", "|---|---|---|---|"]
    for name, times in results.items():
        ratios = [mine / other for mine, other in zip(times["ppgen"], times["hand-written"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        cells = [name, f"{1e3 * statistics.median(times['hand-written']):.2f}", f"**{middle:.3f}**"]
        lines.append("| " + " | ".join([*cells, f"{low:.2f}-{high:.2f}"]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    publish_steps(
        "gan_step",
        "Step of an adversarial game, as a ratio to hand-written PyTorch",
        WORKLOADS,
        measure,
        table,
        rounds=20,
        steps=5,
    )
