"""Training on unpaired domains: batches of equal rows, every row in an epoch, resumed to the same bits."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import ppgen
import ppgen.data
from ppgen.fitted import Fit
from ppgen.training.prepare import Minibatches
from tests.oracles.state import rows_without_time, same, state_of

CPU = torch.device("cpu")


class TwoDomains(ppgen.Model):
    """z ~ Normal(0, I);  horses | z and zebras | z, each an affine Gaussian of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.to_horses, self.to_zebras = nn.Linear(2, 2), nn.Linear(2, 3)

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @ppgen.observed
    def horses(self, z: Tensor) -> Any:
        return dist.Normal(self.to_horses(z), 1.0).to_event(1)

    @ppgen.observed
    def zebras(self, z: Tensor) -> Any:
        return dist.Normal(self.to_zebras(z), 1.0).to_event(1)


def domains() -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(0)
    return {"horses": torch.randn(50, 2, generator=draws), "zebras": torch.randn(23, 3, generator=draws)}


def fitted(**settings: Any) -> Fit:
    torch.manual_seed(0)
    model = TwoDomains()
    data = ppgen.data.unpaired(**domains())
    return ppgen.fit(model, data=data, **({"max_epochs": 2, "batch_size": 8, "progress": False} | settings))


def minibatches(sizes: dict[str, int], batch_size: int, seed: int = 0) -> Minibatches:
    rows = {name: torch.arange(float(size))[:, None] for name, size in sizes.items()}
    data = ppgen.data.unpaired(**rows, valid=0, test=0)
    return Minibatches(data, "train", batch_size, CPU, seed)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 50))
def test_batches_have_equal_rows_and_an_epoch_every_row_as_often_up_to_one(a: int, b: int, batch_size: int) -> None:
    split, longest = minibatches({"a": a, "b": b}, batch_size), max(a, b)
    batches = list(split.epoch())
    assert len(batches) == split.num_batches
    assert all(len(batch["a"]) == len(batch["b"]) for batch in batches)
    # The whole split is stored in an order of its own, so that rows are told by their values.
    for name, size in (("a", a), ("b", b)):
        counts = torch.cat([batch[name] for batch in batches]).flatten().long().bincount(minlength=size)
        assert set(counts.tolist()) <= {longest // size, -(-longest // size)}
        assert counts.sum() == longest


def test_epochs_pair_rows_anew() -> None:
    split = minibatches({"a": 30, "b": 30}, 30)
    first, second = (next(iter(split.epoch())) for _ in range(2))
    partner = [batch["b"].flatten()[batch["a"].flatten().argsort()] for batch in (first, second)]
    assert (partner[0] == partner[1]).sum() < 8  # one of them on average
    assert (partner[0] == torch.arange(30.0)).sum() < 8


@pytest.mark.parametrize("position", [0, 2, 5])
def test_an_epoch_is_taken_up_in_the_middle(position: int) -> None:
    whole = minibatches({"a": 50, "b": 23}, 8)
    state = whole.order.get_state()
    expected = list(whole.epoch())[position:]
    again = minibatches({"a": 50, "b": 23}, 8, seed=5)
    again.order.set_state(state)
    for one, other in zip(again.epoch(position), expected, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in other)


def test_an_unpaired_set_takes_three_lines_and_reaches_history_run_folder_and_table(tmp_path: Path) -> None:
    horses, zebras, model = *domains().values(), TwoDomains()
    data = ppgen.data.unpaired(horses=horses, zebras=zebras)
    fit = ppgen.fit(model, data=data, max_epochs=2, out=tmp_path / "run", progress=False)
    again = ppgen.load(tmp_path / "run", model=TwoDomains(), data=data)
    assert [row["epoch"] for row in again.history] == [1, 2]
    assert "elbo" in again.history[-1]["valid"]
    assert again.elbo() == fit.elbo()
    assert ppgen.evaluate(again).log_prob is not None
    assert set(fit.reconstruct()) == {"horses", "zebras"}


@pytest.mark.parametrize("step", [2, 5, 8])
def test_a_run_that_was_stopped_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    whole = fitted(out=tmp_path / "whole")
    epoch, taken = Minibatches.epoch, 0

    def interrupted(self: Minibatches, position: int = 0) -> Iterator[dict[str, Tensor]]:
        nonlocal taken
        for batch in epoch(self, position):
            taken += 1
            if taken == step:
                signal.raise_signal(signal.SIGINT)
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(Minibatches, "epoch", interrupted)
        stopped = fitted(out=tmp_path / "run")
    assert stopped.stopped == "interrupted"
    taken_up = fitted(out=tmp_path / "run", resume=True)
    assert same(state_of(taken_up), state_of(whole))
    assert rows_without_time(taken_up.history) == rows_without_time(whole.history)


def test_a_global_mean_is_learned_from_every_row_of_the_shorter_domain() -> None:
    """With an exact likelihood and one batch an epoch, the mean of each domain is that of all its training rows."""

    class Means(ppgen.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

        @ppgen.observed
        def horses(self) -> Any:
            return dist.Normal(self.a, 1.0).to_event(1)

        @ppgen.observed
        def zebras(self) -> Any:
            return dist.Normal(self.b, 1.0).to_event(1)

    horses, zebras = (
        torch.randn(60, 1) + 2,
        torch.randn(20, 1) - 1,
    )  # three times as many, so that all come equally often
    data = ppgen.data.unpaired(horses=horses, zebras=zebras, valid=0, test=0)
    settings: dict[str, Any] = {"batch_size": 60, "learning_rate": 0.05, "schedule": "cosine", "progress": False}
    model = Means()
    ppgen.fit(model, data=data, max_epochs=300, **settings)
    torch.testing.assert_close(model.a.detach(), horses.mean(0), atol=1e-3, rtol=0)
    torch.testing.assert_close(model.b.detach(), zebras.mean(0), atol=1e-3, rtol=0)
