"""Time one step of an adversarial game: ppgen.fit's own step against a hand-written PyTorch loop.

    python benchmarks/gan_step.py [--rounds 20] [--threads 1] [--device cpu] [--out benchmarks/results/gan_step.md]

Both play the same game with the same networks from the same weights: one turn of the critic and one of the generator a
batch, each with its own torch.optim.Adam(fused=True). The hand-written loop knows no Pyro and none of ppgen's checks or
records; it reads both losses at each step. That of CycleGAN translates once for both turns, as ppgen does, and shows
its critics the same pool of earlier translations. Blocks of steps are interleaved in random order within each round, in
one process; the table gives medians over rounds, of processor time on the CPU and of wall time on a GPU.
"""

from __future__ import annotations

import copy
import functools
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
from ppgen.objectives import Objective, TrainingPosition
from ppgen.objectives.image_pool import ImagePool
from ppgen.training.prepare import Minibatches, Problem
from ppgen.training.step import TrainingStep

__all__ = ["WORKLOADS", "measure", "table"]

Step = Callable[[], float]
# The shape of the data, and the batch size.
POINTS: tuple[tuple[int, ...], int] = ((2,), 256)
IMAGES: tuple[tuple[int, ...], int] = ((1, 28, 28), 64)
DOMAINS: tuple[tuple[int, int, int], int] = ((1, 16, 16), 16)


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


def cycle_by_hand(model: models.CycleGAN, critics: nn.ModuleList, x: Tensor, batch_size: int) -> Step:
    """Both generators and both critics of CycleGAN, as one writes them by hand."""
    forth, back = nn.Sequential(model.forth, model.output), nn.Sequential(model.back, model.output)
    players = [torch.optim.Adam(p.parameters(), lr=1e-3, betas=(0.5, 0.999), fused=True) for p in (critics, model)]
    pools = [ImagePool(50, x.shape[1:]) for _ in critics]
    position = 0

    def score(one: Tensor, goal: float) -> Tensor:
        return (one - goal).square().mean() / 2

    def step() -> float:
        nonlocal position
        a, b = x[position : position + batch_size], x[position : position + batch_size]
        position = (position + batch_size) % len(x)
        fakes = [back(b), forth(a)]
        shown = [pool(fake.detach()) for pool, fake in zip(pools, fakes, strict=True)]
        judged = zip(critics, (a, b), shown, strict=True)
        critic_loss = torch.stack([score(critic(real), 1.0) + score(critic(old), 0.0) for critic, real, old in judged])
        players[0].zero_grad()
        critic_loss.sum().backward()
        players[0].step()
        critics.requires_grad_(False)
        adversarial = sum(score(critic(fake), 1.0) for critic, fake in zip(critics, fakes, strict=True))
        cycle = (back(fakes[1]) - a).abs().mean() + (forth(fakes[0]) - b).abs().mean()
        generator_loss = adversarial + 10 * cycle
        players[1].zero_grad()
        generator_loss.backward()
        players[1].step()
        critics.requires_grad_(True)
        return critic_loss.sum().item() + generator_loss.item()

    return step


def ppgen_step(objective: Objective, model: nn.Module, columns: dict[str, Tensor], batch_size: int) -> Step:
    """The step that ppgen.fit makes, with its own data, optimizers, record and checks."""
    device = next(iter(columns.values())).device
    data = from_tensors({name: x.cpu() for name, x in columns.items()}, valid=0.0, test=0.0)
    minibatches = Minibatches(data, "train", batch_size, device, seed=0)
    state = objective.setup(model, None, {name: x[:4] for name, x in columns.items()})
    problem = Problem(objective, state, objective.players(state), minibatches.size)
    take = TrainingStep(problem, device=device, learning_rate=1e-3, clip_norm=None)
    return walked_through(minibatches, take, TrainingPosition, "critic_loss", "generator_loss")


def noise_to_data(sizes: tuple[tuple[int, ...], int], device: torch.device) -> dict[str, Step]:
    """Both loops of a GAN of data of such a shape and batches of such a size."""
    shape, batch_size = sizes
    x = torch.rand(8 * batch_size, *shape).to(device)
    model, critic = models.GAN(shape, 16).to(device), nets.critic(shape).to(device)
    return {
        "hand-written": hand_written(copy.deepcopy(model), copy.deepcopy(critic), x, batch_size),
        "ppgen": ppgen_step(ppgen.Adversarial(critic), model, {"x": x}, batch_size),
    }


def domain_to_domain(sizes: tuple[tuple[int, int, int], int], device: torch.device) -> dict[str, Step]:
    """Both loops of a CycleGAN, likewise."""
    shape, batch_size = sizes
    x = torch.rand(8 * batch_size, *shape).to(device)
    model = models.CycleGAN(shape, shape, width=8, num_blocks=2).to(device)
    critics = nn.ModuleList([nets.PatchCritic(shape), nets.PatchCritic(shape)]).to(device)
    objective = ppgen.CycleTranslation(dict(zip("ab", critics, strict=True)))
    return {
        "hand-written": cycle_by_hand(copy.deepcopy(model), copy.deepcopy(critics), x, batch_size),
        "ppgen": ppgen_step(objective, model, {"a": x, "b": x}, batch_size),
    }


WORKLOADS: dict[str, Callable[[torch.device], dict[str, Step]]] = {
    "perceptrons of points": functools.partial(noise_to_data, POINTS),
    "convolutions of 28x28 images": functools.partial(noise_to_data, IMAGES),
    "CycleGAN of 16x16 images": functools.partial(domain_to_domain, DOMAINS),
}


def measure(name: str, device: torch.device, rounds: int, steps_a_block: int) -> Times:
    """Seconds a step of both, one value for each round."""
    torch.manual_seed(0)
    methods = WORKLOADS[name](device)
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
