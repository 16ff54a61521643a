"""Measures: the first that type and values prove, of all splits together."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ppgen.data.measures import MEASURES, check_measure, measure_of
from ppgen.errors import DataError

EXAMPLES = {
    "binary": torch.tensor([0.0, 1.0]),
    "8-bit": torch.tensor([0, 255], dtype=torch.uint8),
    "integer": torch.tensor([-3, 900]),
    "unit interval": torch.tensor([0.0, 0.25]),
    "continuous": torch.tensor([0.0, -0.25]),
}


@pytest.mark.parametrize("measure", MEASURES)
def test_an_example_of_each(measure):
    assert measure_of([EXAMPLES[measure]]) == measure
    assert measure_of([EXAMPLES[measure][:0], EXAMPLES[measure], EXAMPLES["binary"].to(EXAMPLES[measure])]) == measure


@given(st.lists(st.sampled_from([0.0, 1.0, 0.5, 2.0, -1.5]), min_size=1, max_size=6), st.integers(0, 6))
def test_it_does_not_matter_how_the_rows_are_split(values, cut):
    whole = torch.tensor(values)
    assert measure_of([whole[:cut], whole[cut:]]) == measure_of([whole])


def test_what_is_proved_holds():
    for measure, values in EXAMPLES.items():
        check_measure("mine", "x", measure, [values])
    with pytest.raises(DataError, match=r"mine: x is not binary(.|\n)*values in \[-0.25, 1\]"):
        check_measure("mine", "x", "binary", [EXAMPLES["binary"], EXAMPLES["continuous"]])
