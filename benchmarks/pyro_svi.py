"""Pyro's own SVI against `ppgen.fit` on every zoo pair with a guide: same weights, same minibatches, same Adam.

Each pair is built twice from one seed. One copy is trained by `ppgen.fit`, the other, as it stands, by
`SVI(model, guide, pyro.optim.Adam({"lr": 1e-3}), ...)`; then both are judged by the ELBO of the test split.
Each of Pyro's bounds stands beside ours with the same estimator: `TraceMeanField_ELBO` has rates in closed form, as
`ppgen.ELBO()` does; `Trace_ELBO` samples them, as `ppgen.ELBO(closed_form=False)` does. Discrete latents are summed out
by ours and, where the guide is marked by `config_enumerate`, by `TraceEnum_ELBO`.

    python -m benchmarks.pyro_svi [NAME ...] > benchmarks/results/pyro_svi.md
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

import pyro
import torch
from pyro.infer import SVI, Trace_ELBO, TraceEnum_ELBO, TraceMeanField_ELBO, config_enumerate
from torch import Tensor, nn

import ppgen
from ppgen.declare import without_latents
from ppgen.inference import discrete_sites, elbo_per_datum
from ppgen.training.prepare import Minibatches, set_up

__all__ = ["build", "by_fit", "by_svi"]

EPOCHS, BATCH, RATE = 18, 64, 1e-3  # of 17 minibatches each: 306 steps
SAMPLED, CLOSED = ppgen.ELBO(closed_form=False), ppgen.ELBO()
WAYS = [("Trace_ELBO", Trace_ELBO, SAMPLED), ("TraceMeanField_ELBO", TraceMeanField_ELBO, CLOSED)]
SUMMED: list[tuple[str, Any, ppgen.Objective]] = [
    ("TraceEnum_ELBO", lambda: TraceEnum_ELBO(max_plate_nesting=1), SAMPLED)
]


def build(name: str) -> tuple[Any, Any, ppgen.data.Dataset]:
    """Model, guide and digits without labels of latents; the same weights on every call."""
    known = ppgen.zoo.dataset(name)
    built = ppgen.zoo.build(name, known)
    model, guide = cast(Any, built.model), built.guide
    splits = {split: without_latents(model, rows) for split, rows in known.splits.items()}
    return model, guide, dataclasses.replace(known, splits=splits)


def by_fit(name: str, objective: ppgen.Objective = SAMPLED, epochs: int = EPOCHS) -> float:
    """The ELBO of the test split after `ppgen.fit`, in nats per datum."""
    model, guide, data = build(name)
    settings: dict[str, Any] = {"batch_size": BATCH, "learning_rate": RATE, "patience": None, "progress": False}
    fit = ppgen.fit(model, data, guide=guide, objective=objective, max_epochs=epochs, seed=0, **settings)
    return judge(fit.model, fit.guide, data)


def by_svi(name: str, elbo: Callable[[], Any] = Trace_ELBO, epochs: int = EPOCHS) -> tuple[float, float]:
    """The ELBO of the test split before and after as many steps of Pyro's SVI, in nats per datum."""
    model, guide, data = build(name)
    set_up(model, guide, data.representative_rows(), torch.device("cpu"))
    before = judge(model, guide, data)
    train = Minibatches(data, "train", BATCH, torch.device("cpu"), 0)
    marked = config_enumerate(guide, "parallel") if isinstance(elbo(), TraceEnum_ELBO) else guide
    svi = SVI(model, marked, cast(Any, pyro.optim).Adam({"lr": RATE}), elbo())
    torch.manual_seed(0)
    nn.ModuleList([model, guide]).train()
    for _ in range(epochs):
        for batch in train.epoch():
            svi.step(batch, train.size)
    return before, judge(model, guide, data)


def judge(model: Any, guide: Any, data: ppgen.data.Dataset) -> float:
    """The ELBO of the test split by 20 draws, whoever trained the pair."""
    batch: Mapping[str, Tensor] = data.split("test")
    nn.ModuleList([model, guide]).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        return float(torch.stack([elbo_per_datum(model, guide, batch).mean() for _ in range(20)]).mean())


def main(names: list[str]) -> None:
    print("| pair | before | `ppgen.fit` | SVI | by | gap |\n|---|---|---|---|---|---|")
    for name in names or ppgen.zoo.names():
        model, guide, data = build(name)
        if guide is None:
            continue
        set_up(model, guide, data.representative_rows(), torch.device("cpu"))
        for label, elbo, objective in SUMMED if discrete_sites(guide, data.representative_rows()) else WAYS:
            ours = by_fit(name, objective)
            before, theirs = by_svi(name, elbo)
            gap = f"{100 * abs(theirs - ours) / abs(ours):.1f}%"
            print(f"| {name} | {before:.2f} | {ours:.2f} | {theirs:.2f} | `{label}` | {gap} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
