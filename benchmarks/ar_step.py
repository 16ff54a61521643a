"""Time one training step of autoregressive models: ppgen.fit's own step against a hand-written PyTorch loop.

    python benchmarks/ar_step.py [--rounds 20] [--threads 1] [--device cpu] [--out benchmarks/results/ar_step.md]

Both train networks of the same layers from the same weights on 28x28 bits: a gated PixelCNN, and image transformers
with each kind of attention. The hand-written loop knows no Pyro, no ppgen.distributions and none of ppgen's checks: it
calls the layers, binary cross-entropy and torch.optim.Adam(fused=True), and reads the loss at each step. Of the
transformer with global attention the hand-written network is torch's own nn.TransformerEncoder besides. Blocks of steps
are interleaved in random order within each round, in one process; the table gives medians over rounds, of processor
time on the CPU and of wall time on a GPU.
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
from ppgen import models
from ppgen.data import from_tensors
from ppgen.objectives import TrainingPosition
from ppgen.training.prepare import Minibatches, Problem
from ppgen.training.step import TrainingStep

__all__ = ["WORKLOADS", "measure", "table"]

SHAPE = (1, 28, 28)
Step = Callable[[], float]


class TorchTransformer(nn.Module):
    """What one writes with torch's own modules: pre-norm encoder layers under a causal mask, inputs moved on by one."""

    def __init__(self, hidden: int, num_layers: int, num_heads: int) -> None:
        super().__init__()
        _, height, width = SHAPE
        self.pixel, self.head = nn.Linear(1, hidden), nn.Linear(hidden, 1)
        self.row, self.column = nn.Parameter(torch.zeros(height, 1, hidden)), nn.Parameter(torch.zeros(width, hidden))
        layer = nn.TransformerEncoderLayer(
            hidden, num_heads, 4 * hidden, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, num_layers, nn.LayerNorm(hidden), enable_nested_tensor=False)
        self.bias = nn.Parameter(torch.zeros(1, height * width))
        mask = nn.Transformer.generate_square_subsequent_mask(height * width)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        before = functional.pad(2.0 * x.flatten(1)[:, :-1] - 1.0, (1, 0)).unsqueeze(-1)
        features = self.pixel(before) + (self.row + self.column).flatten(0, 1)
        logits = self.head(self.layers(features, self.mask, is_causal=True)).squeeze(-1)
        return (logits + self.bias).unflatten(1, SHAPE)


# A model, and the batch size.
WORKLOADS: dict[str, tuple[Callable[[], models.GatedPixelCNN | models.ImageTransformer], int]] = {
    "gated PixelCNN, 4 x 32 channels": (lambda: models.GatedPixelCNN(SHAPE, 32, 4), 16),
    "local 1-D transformer, 4 x 64": (lambda: models.ImageTransformer(SHAPE, 64, 4, attention="local-1d"), 16),
    "local 2-D transformer, 4 x 64": (lambda: models.ImageTransformer(SHAPE, 64, 4, attention="local-2d"), 16),
    "global transformer, 4 x 64": (lambda: models.ImageTransformer(SHAPE, 64, 4, attention="global"), 16),
}


def data(batch_size: int, device: torch.device) -> Tensor:
    """Eight batches of random bits."""
    return (torch.rand(8 * batch_size, *SHAPE, generator=torch.Generator().manual_seed(0)) < 0.2).float().to(device)


def hand_written(network: nn.Module, x: Tensor, batch_size: int) -> Step:
    """The loop that one writes by hand."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    position = 0

    def step() -> float:
        nonlocal position
        batch = x[position : position + batch_size]
        position = (position + batch_size) % len(x)
        loss = functional.binary_cross_entropy_with_logits(network(batch), batch, reduction="sum") / batch_size
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def ppgen_step(model: models.GatedPixelCNN | models.ImageTransformer, x: Tensor, batch_size: int) -> Step:
    """The step that ppgen.fit makes, with its own data, optimizer and checks."""
    minibatches = Minibatches(from_tensors({"x": x.cpu()}, valid=0.0, test=0.0), "train", batch_size, x.device, seed=0)
    objective = ppgen.MaximumLikelihood()
    state = objective.setup(model, None, {"x": x[:4]})
    problem = Problem(objective, state, objective.players(state), minibatches.size)
    take = TrainingStep(problem, device=x.device, learning_rate=1e-3, clip_norm=None)
    return walked_through(minibatches, take, TrainingPosition, "loss")


def measure(name: str, device: torch.device, rounds: int, steps_a_block: int) -> Times:
    """Seconds a step of every method, one value for each round."""
    make, batch_size = WORKLOADS[name]
    torch.manual_seed(0)
    model, x = make().to(device), data(batch_size, device)
    methods = {
        "hand-written": hand_written(copy.deepcopy(model.network), x, batch_size),
        "ppgen": ppgen_step(model, x, batch_size),
    }
    if name.startswith("global"):
        methods["torch's encoder"] = hand_written(TorchTransformer(64, 4, 4).to(device), x, batch_size)
    for step in methods.values():
        for _ in range(2):
            step()
    # Which others at work on the processor do not disturb.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    return in_turns(methods, rounds, steps_a_block, device, clock)


def table(results: dict[str, Times]) -> str:
    """Medians in ms of hand-written loops, and of ppgen's ratios to them within a round, with quartiles."""
    lines = ["| network | hand-written by | ms a step | ppgen | quartiles |", "|---|---|---|---|---|"]
    for name, times in results.items():
        for base in (method for method in times if method != "ppgen"):
            ratios = [mine / other for mine, other in zip(times["ppgen"], times[base], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            by = "the same layers" if base == "hand-written" else base
            cells = [name, by, f"{1e3 * statistics.median(times[base]):.1f}", f"**{middle:.3f}**"]
            lines.append("| " + " | ".join([*cells, f"{low:.2f}-{high:.2f}"]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    publish_steps(
        "ar_step",
        "Training step of autoregressive models, as a ratio to hand-written PyTorch",
        WORKLOADS,
        measure,
        table,
        rounds=20,
        steps=2,
    )
