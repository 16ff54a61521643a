"""What IWAE-5000 of a VAE costs on binarized MNIST, and whether that is linear; beside a loop of Pyro's RenyiELBO.

    python benchmarks/iwae_cost.py [--num-data 200] [--num-particles 5000] [--threads 1]
        [--out benchmarks/results/iwae_cost.md]

The VAE is that of Pyro's example: 50 latents, one hidden layer of 400 units each way. Processor time of
``fit.log_prob`` on a seeded subset of the test images, on twice as many, and with half the draws; the first of them is
multiplied up to all 10,000 images. The peak of resident memory is that of the whole process, data and libraries
included. Pyro's ``RenyiELBO(alpha=0)`` holds the same weights in a hand-written model and guide, and is asked with
few draws: for one image after the other, which gives a bound for each as ``fit.log_prob_per_datum`` does, and for
batches, which give their sum. It runs in a process of its own, and again in that of ppgen, which keeps freed memory
(``ppgen.kept_memory``). Both bounds of the same images stand below, with as many draws.

Bars: 10,000 images within 15 minutes of two cores and 2 GB, at least 4 times faster than the loop, linear in data and
in draws.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.infer import RenyiELBO
from row import options
from torch import Tensor, nn
from trend import processor

import ppgen
from ppgen.guides import MeanField
from ppgen.guides.networks import positive
from ppgen.models import VAE

__all__ = ["main", "pyro_bound", "table"]

LATENT_DIM, WIDTH, ALL = 50, 400, 10_000
GLIBC = {"MALLOC_TRIM_THRESHOLD_": "131072"}  # its default, which ppgen leaves alone where it is set
LOOP_DRAWS = {1: 200, 100: 40}
"""Draws of the loop by the images of a batch: enough to time it, since each draw is a pass of its own."""


def seconds(of: Callable[[], Any]) -> float:
    """Processor time."""
    began = time.process_time()
    of()
    return time.process_time() - began


def pyro_bound(fit: ppgen.Fit, x: Tensor, num_particles: int) -> float:
    """The sum of IWAE bounds over images, by Pyro's own estimator with the weights of the fit.

    Args:
        fit: of the VAE.
        x: [N, 784].
        num_particles: draws.
    """
    decoder, encoder, head = fit.model.decoder, fit.guide.evidence.encoder, fit.guide.heads["z"]

    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(x.new_zeros(LATENT_DIM), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=decoder(z)).to_event(1), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            loc, raw = head(encoder(x)).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, positive(raw)).to_event(1))

    return -RenyiELBO(alpha=0, num_particles=num_particles).loss(model, guide, x)


def loop(fit: ppgen.Fit, x: Tensor) -> dict[str, float]:
    """Processor seconds of Pyro's loop for one draw of one image, by how it goes over the images.

    Args:
        fit: of the VAE.
        x: images, [N, 784].
    """
    found = {}
    for size, draws in LOOP_DRAWS.items():
        name = "one image after the other" if size == 1 else f"batches of {len(x[:size])} images"
        found[name] = seconds(functools.partial(pyro_bound, fit, x[:size], draws)) / len(x[:size]) / draws
    return found


def loop_alone(argv: Sequence[str]) -> dict[str, float]:
    """The same in a process of its own, where freed memory is handed back as glibc hands it back by default.

    Args:
        argv: the command line.
    """
    command = [sys.executable, __file__, *argv, "--only-loop"]
    done = subprocess.run(command, env=os.environ | GLIBC, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(fit: ppgen.Fit, x: Tensor, num_particles: int, alone: Mapping[str, float]) -> list[str]:
    """Lines of Markdown: what was measured.

    Args:
        fit: of the VAE.
        x: images, [2N, 784].
        num_particles: K.
        alone: of Pyro's loop in a process of its own.
    """
    half = x[: len(x) // 2]
    fit.log_prob(half[:8], 100)  # the first pass of a process costs more
    base = seconds(lambda: fit.log_prob(half, num_particles))
    twice = seconds(lambda: fit.log_prob(x, num_particles))
    fewer = seconds(lambda: fit.log_prob(half, num_particles // 2))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    draw = base / len(half) / num_particles
    minutes = base * ALL / len(half) / 60.0
    lines = [
        "| what | number | bar |",
        "|---|---|---|",
        f"| {len(half)} images, K = {num_particles} | {base:.1f} s of processor time | |",
        f"| {len(x)} images | {twice / base:.2f} times as much | 2 |",
        f"| K = {num_particles // 2} | {fewer / base:.2f} times as much | 0.5 |",
        f"| {ALL:,} images, K = {num_particles} | {minutes:.1f} minutes of one core, {minutes / 2:.1f} of each of two "
        "| 15 of two |",
        f"| peak of resident memory | {peak:.2f} GB | 2 GB |",
        f"| one draw of one image | {1e6 * draw:.1f} µs | |",
    ]
    for where, found in (("", alone), (", in ppgen's process", loop(fit, half))):
        for name, spent in found.items():
            lines.append(f"| Pyro's loop, {name}{where} | {1e6 * spent:.1f} µs, {spent / draw:.1f} times as much | 4 |")
    few, draws = half[:20], 400
    torch.manual_seed(0)
    theirs, ours = pyro_bound(fit, few, draws) / len(few), fit.log_prob(few, draws).value
    lines.append(f"| IWAE-{draws} of {len(few)} images, Pyro's and ppgen's | {theirs:.2f} and {ours:.2f} nats | |")
    return lines


def main(argv: list[str] | None = None) -> None:
    """Train for an epoch, time, print, write to ``--out``."""
    parser = options(__doc__, num_data=200, num_particles=5000)
    parser.add_argument("--only-loop", action="store_true", help="print what Pyro's loop takes, as JSON")
    args: argparse.Namespace = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    loaded = ppgen.data.load("binarized_mnist", root=args.data_root)
    train, test = (loaded.split(name)["x"].flatten(1).float() for name in ("train", "test"))
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(args.seed))
    torch.manual_seed(args.seed)
    model = VAE((train.shape[1],), LATENT_DIM, (WIDTH,))
    guide = MeanField(model, encoder=nn.Sequential(nn.Linear(train.shape[1], WIDTH), nn.SiLU()))
    splits = ppgen.data.from_tensors({"train": train, "valid": train[:100], "test": test[:100]})
    fit = ppgen.fit(model, splits, guide=guide, max_epochs=1, seed=args.seed, device="cpu", progress=False)
    if args.only_loop:
        print(json.dumps(loop(fit, test[order[: args.num_data]])))
        return
    given = sys.argv[1:] if argv is None else argv
    lines = table(fit, test[order[: 2 * args.num_data]], args.num_particles, loop_alone(given))
    print("\n".join(lines))
    if args.out:
        command = f"`python benchmarks/iwae_cost.py --num-data {args.num_data} --threads {args.threads}`"
        told = (__doc__ or "").split("iwae_cost.md]")[1].strip()
        where = f"{processor()}, {args.threads} thread(s), torch {torch.__version__}, pyro {pyro.__version__}."
        head = ["# What IWAE-5000 costs", "", command, "", told, ""]
        Path(args.out).write_text("\n".join([*head, *lines, "", where, ""]))


if __name__ == "__main__":
    main()
