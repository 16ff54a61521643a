"""Steps of several methods timed in turns, and the command line around such a table."""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from trend import append, processor

import ppgen

__all__ = ["Times", "in_turns", "publish_steps", "walked_through"]

Times = dict[str, list[float]]
"""Seconds a step of every method, one value for each round."""


def walked_through(
    minibatches: Any, take: Callable[..., Any], position: Callable[..., Any], *losses: str
) -> Callable[[], float]:
    """A step of ppgen.fit that goes on through the minibatches, epoch after epoch, and reads its losses.

    Args:
        minibatches: of ``ppgen.training.prepare``.
        take: a step of ``ppgen.training.step``: batch and position to a record.
        position: of the training: steps, epochs.
        losses: of the record, that are read and added.
    """
    batches: Iterator[Any] = iter(())
    steps = 0

    def step() -> float:
        nonlocal batches, steps
        batch = next(batches, None)
        if batch is None:
            batches = minibatches.epoch()
            batch = next(batches)
        record = take(batch, position(steps, steps / minibatches.num_batches))
        steps += 1
        return sum(record[name].item() for name in losses)

    return step


def in_turns(
    methods: Mapping[str, Callable[[], object]],
    rounds: int,
    steps_a_block: int,
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Every method once a round, in an order drawn anew, so that what slows the machine down slows all of them.

    Args:
        methods: a step of each.
        rounds: how many.
        steps_a_block: steps that are timed together.
        device: whose work is waited for.
        clock: in seconds.
    """
    synchronize = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    times: Times = {name: [] for name in methods}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(list(methods), len(methods)):
            synchronize()
            start = clock()
            for _ in range(steps_a_block):
                methods[name]()
            synchronize()
            times[name].append((clock() - start) / steps_a_block)
    return times


def publish_steps(
    script: str,
    title: str,
    workloads: Iterable[str],
    measure: Callable[[str, torch.device, int, int], Times],
    table: Callable[[dict[str, Times]], str],
    *,
    rounds: int,
    steps: int,
    versions: str = "",
) -> None:
    """Parse the command line, time the workloads that it names, print the table, and keep it with ``--out``.

    Args:
        script: the benchmark's name.
        title: of the page.
        workloads: their names.
        measure: ``(workload, device, rounds, steps in a block)`` to seconds.
        table: of the times by workload.
        rounds: by default.
        steps: in a block, by default.
        versions: of what else takes part, ``"pyro 1.9, "``.
    """
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--steps", type=int, default=steps, help="steps in a block")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", default="", help="run workloads whose name contains this")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    chosen = [name for name in workloads if arguments.only in name]
    results = {name: measure(name, device, arguments.rounds, arguments.steps) for name in chosen}
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    text = (
        f"# {title}\n\n"
        f"`python benchmarks/{script}.py --rounds {arguments.rounds} --threads {arguments.threads} "
        f"--device {arguments.device}`\n\n"
        f"{where}; {arguments.threads} thread(s); Python {platform.python_version()}, torch {torch.__version__}, "
        f"{versions}ppgen {ppgen.__version__}. Medians over {arguments.rounds} rounds of {arguments.steps} steps, "
        f"interleaved in one process.\n\n{table(results)}\n"
    )
    print(text)
    if arguments.out is not None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text)
        for name, times in results.items():
            ratio = statistics.median(times["ppgen"]) / statistics.median(times["hand-written"])
            append(arguments.out, script, f"{name}; rounds={arguments.rounds}", {"step_time": ratio}, device=where)
