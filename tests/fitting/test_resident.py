from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ppgen.data
from ppgen.declare.batch import chunks
from ppgen.fitting.resident import Resident

CPU = torch.device("cpu")


def resident(rows: int, batch_size: int, seed: int = 0) -> Resident:
    x = torch.arange(rows).float().unsqueeze(1)
    splits = {"train": {"x": x, "y": torch.arange(rows)}, "valid": {"x": x[:1] - 9, "y": torch.zeros(1).long()}}
    data = ppgen.data.from_tensors(splits | {"test": {"x": x[:1] - 8, "y": torch.zeros(1).long()}})
    return Resident(data, "train", batch_size, CPU, seed)


@given(rows=st.integers(1, 60), batch_size=st.integers(1, 70))
def test_every_row_once_an_epoch_and_never_one_alone(rows: int, batch_size: int) -> None:
    split = resident(rows, batch_size)
    batches = list(split.epoch())
    assert len(batches) == split.num_batches == len(split.bounds())
    assert sorted(torch.cat([batch["y"] for batch in batches]).tolist()) == list(range(rows))
    assert all(torch.equal(batch["x"].squeeze(1), batch["y"].float()) for batch in batches)
    lengths = [len(batch["y"]) for batch in batches]
    assert all(length <= batch_size + 1 for length in lengths)
    if rows > 1 and batch_size > 1:
        assert min(lengths) > 1
    assert [stop - start for start, stop in split.bounds()] == lengths


def test_the_seed_makes_the_order() -> None:
    orders = [torch.cat([b["y"] for b in resident(50, 8, seed).epoch()]).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    split = resident(50, 8)
    first = torch.cat([b["y"] for b in split.epoch()]).tolist()
    assert first != torch.cat([b["y"] for b in split.epoch()]).tolist()


@pytest.mark.parametrize("position", [0, 3, 7])
def test_an_epoch_is_taken_up_in_the_middle(position: int) -> None:
    whole = resident(50, 8)
    state = whole.order.get_state()
    expected = [b["y"].tolist() for b in whole.epoch()][position:]
    again = resident(50, 8, seed=5)
    again.order.set_state(state)
    assert [b["y"].tolist() for b in again.epoch(position)] == expected


def test_bits_are_drawn_anew_from_bytes() -> None:
    grey = torch.full((40, 6), 128, dtype=torch.uint8)
    data = ppgen.data.from_tensors(grey, binarize="dynamic", valid=0.0, test=0.0)
    split = Resident(data, "train", 40, CPU, 0)
    assert split.tensors["x"].dtype == torch.uint8
    first, second = (next(iter(split.epoch()))["x"] for _ in range(2))
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first.sum(0), second.sum(0))
    again = Resident(data, "train", 40, CPU, 0)
    assert torch.equal(next(iter(again.epoch()))["x"], first)


def test_chunks_are_the_whole() -> None:
    batch = {"x": torch.arange(10), "y": torch.arange(10) * 2}
    pieces = list(chunks(batch, 4))
    assert [len(piece["x"]) for piece in pieces] == [4, 4, 2]
    assert torch.equal(torch.cat([piece["y"] for piece in pieces]), batch["y"])
