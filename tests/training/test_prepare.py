"""What fit prepares and checks before the first step."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import ppgen
import ppgen.data
from ppgen.data import Dataset
from ppgen.declare import Model, observed
from ppgen.declare.check import verify_batch
from ppgen.errors import DataError, DeclarationError, SettingError
from ppgen.guides import Delta, MeanField
from ppgen.models import VAE, ConditionalVAE
from ppgen.objectives import Loss, State, Step
from ppgen.training.prepare import Minibatches, set_up, verify_fit, verify_weights
from ppgen.training.rehearsal import rehearse
from tests.oracles.conjugate import GammaPoisson
from tests.oracles.losses import problem_of

CPU = torch.device("cpu")


def bits(rows: int = 40, dim: int = 4) -> Tensor:
    return torch.bernoulli(torch.full((rows, dim), 0.5))


def labelled(**labels: int) -> Dataset:
    """Splits whose labels go up to what is asked for, in the last row of each."""
    splits = {}
    for i, (split, largest) in enumerate(labels.items()):
        y = torch.zeros(40, dtype=torch.long)
        y[-1] = largest
        splits[split] = {"x": bits(40, 64).reshape(40, 1, 8, 8) + 0 * i, "y": y}
    return ppgen.data.from_tensors(splits)


def test_rows_hold_the_extremes_of_every_split() -> None:
    rows = labelled(train=3, valid=7, test=5).representative_rows()
    assert {0, 3, 5, 7} <= set(rows["y"].tolist())
    assert len(rows["x"]) == len(rows["y"]) < 30


def test_an_embedding_is_made_for_labels_of_all_splits() -> None:
    data = labelled(train=3, valid=7, test=5)
    model = ConditionalVAE((1, 8, 8), num_classes=8, latent_dim=2, hidden=(4,))
    guide = MeanField(model)
    set_up(model, guide, data.representative_rows(), CPU)
    assert guide.evidence.readers["y"].num_embeddings == 8


def test_random_transforms_are_seen_through() -> None:
    data = ppgen.data.from_tensors(torch.rand(40, 4), binarize="dynamic")
    rows = data.representative_rows()
    assert set(rows["x"].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(rows["x"], data.representative_rows()["x"])


def test_facts_of_a_fit() -> None:
    model, data = VAE((4,), 2, hidden=(4,)), ppgen.data.from_tensors(bits())
    facts = verify_fit(model, MeanField(model), data, data.representative_rows())
    assert facts == {"dtypes": {"x": "float32"}, "discrete_likelihood": True, "point_guide": False}
    assert verify_fit(model, Delta(model), data, data.representative_rows())["point_guide"]
    counts = GammaPoisson()
    data = ppgen.data.from_tensors(counts(size=40)["x"])
    assert verify_fit(counts, None, data, data.representative_rows())["discrete_likelihood"]


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_one_bad_value_in_any_split_is_found(split: str) -> None:
    splits = {name: bits(50) for name in ("train", "valid", "test")}
    splits[split][-1, -1] = 0.5
    model, data = VAE((4,), 2, hidden=(4,)), ppgen.data.from_tensors(splits)
    with pytest.raises(DataError, match=rf"{split} split"):
        verify_fit(model, MeanField(model), data, data.representative_rows())


def test_a_support_that_differs_between_rows_cannot_be_held_against_others() -> None:
    class Bounded(Model):
        @observed
        def x(self, top: Tensor) -> Any:
            return dist.Uniform(0.0, top)

    batch = {"x": torch.linspace(0.1, 2.9, 30), "top": torch.linspace(0.2, 3.0, 30)}
    verify_batch(Bounded(), None, batch)


def test_weights_that_are_not_finite_are_named() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.LazyLinear(3))
    verify_weights(module)
    with torch.no_grad():
        module[0].bias[1] = float("inf")
    with pytest.raises(DeclarationError, match=r"(?s)'0.bias'.*1 of 2 values"):
        verify_weights(module)


def test_a_rehearsal_leaves_no_mark_and_finds_what_cannot_be_trained() -> None:
    torch.manual_seed(0)
    model = VAE((4,), 2, hidden=(4,))
    guide, data = MeanField(model), ppgen.data.from_tensors(bits())
    seen: list[bool] = []

    class Watching(ppgen.ELBO):
        def loss(self, state: State, player: str, step: Step) -> Loss:
            seen.append(torch.is_grad_enabled() and not model.training)
            torch.rand(3)
            return super().loss(state, player, step)

    state = torch.get_rng_state()
    rows = data.representative_rows()
    rehearse(problem_of(model, guide, Watching(), rows, 32), rows)
    assert seen == [True]
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert all(p.grad is None for p in (*model.parameters(), *guide.parameters()))


def minibatches(rows: int, batch_size: int, seed: int = 0) -> Minibatches:
    x = torch.arange(rows).float().unsqueeze(1)
    splits = {"train": {"x": x, "y": torch.arange(rows)}, "valid": {"x": x[:1] - 9, "y": torch.zeros(1).long()}}
    data = ppgen.data.from_tensors(splits | {"test": {"x": x[:1] - 8, "y": torch.zeros(1).long()}})
    return Minibatches(data, "train", batch_size, CPU, seed)


@given(rows=st.integers(1, 60), batch_size=st.integers(1, 70))
def test_every_row_once_an_epoch_and_never_one_alone(rows: int, batch_size: int) -> None:
    split = minibatches(rows, batch_size)
    batches = list(split.epoch())
    assert len(batches) == split.num_batches == len(split.bounds)
    assert sorted(torch.cat([batch["y"] for batch in batches]).tolist()) == list(range(rows))
    assert all(torch.equal(batch["x"].squeeze(1), batch["y"].float()) for batch in batches)
    lengths = [len(batch["y"]) for batch in batches]
    assert all(length <= batch_size + 1 for length in lengths)
    if rows > 1 and batch_size > 1:
        assert min(lengths) > 1
    assert [stop - start for start, stop in split.bounds] == lengths


def test_the_seed_makes_the_order() -> None:
    orders = [torch.cat([b["y"] for b in minibatches(50, 8, seed).epoch()]).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    split = minibatches(50, 8)
    first = torch.cat([b["y"] for b in split.epoch()]).tolist()
    assert first != torch.cat([b["y"] for b in split.epoch()]).tolist()


@pytest.mark.parametrize("position", [0, 3, 7])
def test_an_epoch_is_taken_up_in_the_middle(position: int) -> None:
    whole = minibatches(50, 8)
    state = whole.order.get_state()
    expected = [b["y"].tolist() for b in whole.epoch()][position:]
    again = minibatches(50, 8, seed=5)
    again.order.set_state(state)
    assert [b["y"].tolist() for b in again.epoch(position)] == expected


def test_bits_are_drawn_anew_from_bytes() -> None:
    grey = torch.full((40, 6), 128, dtype=torch.uint8)
    data = ppgen.data.from_tensors(grey, binarize="dynamic", valid=0.0, test=0.0)
    split = Minibatches(data, "train", 40, CPU, 0)
    assert split.tensors["x"].dtype == torch.uint8
    first, second = (next(iter(split.epoch()))["x"] for _ in range(2))
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first.sum(0), second.sum(0))
    again = Minibatches(data, "train", 40, CPU, 0)
    assert torch.equal(next(iter(again.epoch()))["x"], first)


def test_a_loss_that_depends_on_no_parameter_is_refused() -> None:
    def model(x: torch.Tensor) -> None:
        pyro.param("unused", torch.tensor(1.0))
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(0.0, 1.0), obs=x)

    with pytest.raises(SettingError, match="a value without a gradient"):
        ppgen.fit(ppgen.Program(model), {"x": torch.randn(20)}, max_epochs=1, progress=False)
