from __future__ import annotations

import pytest
import torch

import ppgen.data
from ppgen.data import Dataset, mutated
from ppgen.data.mutation import values_of
from ppgen.errors import SettingError


@pytest.fixture(scope="module")
def grey() -> Dataset:
    return ppgen.data.load("digits", binarize=None)


def test_a_share_of_values_is_redrawn_from_those_that_there_are(grey: Dataset) -> None:
    changed = mutated(grey, 0.5)
    before, after = grey.splits["train"]["x"], changed.splits["train"]["x"]
    moved = before != after
    # One in 17 is redrawn to the level that it was.
    assert float(moved.float().mean()) == pytest.approx(0.5 * 16 / 17, abs=0.01)
    counts = torch.bincount(after[moved].int()).double()
    assert len(counts) == 17
    assert torch.equal(changed.splits["train"]["y"], grey.splits["train"]["y"])
    assert after.dtype == before.dtype
    assert torch.equal(values_of(after), values_of(before))


def test_the_test_split_stays_and_the_protocol_says_what_was_done(grey: Dataset) -> None:
    changed = mutated(grey, 0.2, seed=3)
    assert torch.equal(changed.split("test")["x"], grey.split("test")["x"])
    assert not torch.equal(changed.split("valid")["x"], grey.split("valid")["x"])
    assert changed.protocol == grey.protocol + "; 20 % of values redrawn, seed 3"
    assert changed.fingerprint("valid") != grey.fingerprint("valid")


def test_a_run_folder_makes_it_again(grey: Dataset) -> None:
    changed = mutated(grey, 0.2, seed=3)
    again = ppgen.data.load(**changed.spec)
    assert changed.spec["steps"] == [["mutated", {"rate": 0.2, "seed": 3}]]
    assert again.fingerprint("valid") == changed.fingerprint("valid")


def test_real_values_are_those_of_other_rows() -> None:
    data = ppgen.data.from_tensors(torch.randn(200, 3), valid=0.1, test=0.1)
    changed = mutated(data, 0.9)
    assert set(changed.splits["train"]["x"].flatten().tolist()) <= set(data.splits["train"]["x"].flatten().tolist())


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_that_is_none_is_refused(grey: Dataset, rate: float) -> None:
    with pytest.raises(SettingError, match="rate"):
        mutated(grey, rate)
