from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppgen.errors import SettingError
from ppgen.estimate import Estimate


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"low": -83.1, "high": -82.7, "unit": "nats"}, "[-83.1, -82.7] nats/datum (interval)"),
        ({"low": -83.14159, "high": -82.71828}, "[-83.2, -82.7] (interval)"),
        ({"low": -82.9, "high": -82.9}, "[-82.90, -82.90] (interval)"),
        ({"low": -1200.0, "high": 0.0}, "[-1200, 0] (interval)"),
        ({"low": -82.91, "high": -82.9, "num_data": 5}, "[-82.910, -82.900] (interval, n=5)"),
    ],
)  # fmt: skip
def test_an_interval_is_printed_by_its_ends(settings: dict[str, Any], text: str) -> None:
    assert str(Estimate(-82.9, kind="interval", **settings)) == text


ends = st.floats(-1e12, 1e12)


@given(first=ends, second=ends)
def test_what_is_printed_holds_the_interval_and_hardly_more(first: float, second: float) -> None:
    low, high = sorted((first, second))
    printed = Estimate(low, kind="interval", low=low, high=high).ends()
    lower, upper = (Decimal(end) for end in printed.strip("[]").split(", "))
    assert lower <= Decimal(repr(low))
    assert upper >= Decimal(repr(high))
    step = Decimal(1).scaleb(lower.as_tuple().exponent)
    with localcontext(prec=400):  # 28 digits lose what lies 300 orders below
        assert (upper - lower) - (Decimal(repr(high)) - Decimal(repr(low))) < 2 * step
    assert "-0.0]" not in printed


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "interval"},
        {"kind": "interval", "low": -1.0},
        {"kind": "interval", "low": 1.0, "high": 2.0},
        {"kind": "interval", "low": -2.0, "high": -1.0},
        {"kind": "interval", "low": -math.inf, "high": 1.0},
        {"kind": "interval", "low": math.nan, "high": 1.0},
        {"kind": "lower bound", "low": -1.0},
        {"kind": "unbiased", "low": -1.0, "high": 1.0},
        {"num_dims": -1},
        {"num_dims": 2.5},
    ],
)
def test_ends_and_dimensions_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=r"interval|num_dims"):
        Estimate(0.0, **wrong)


def test_bits_per_dimension_turn_an_interval_round() -> None:
    bits = Estimate(-3.0, kind="interval", low=-4.0, high=-2.0, unit="nats", of="p(x | y)").bits_per_dim(2)
    assert (bits.low, bits.value, bits.high) == pytest.approx(
        (1.0 / math.log(2.0), 1.5 / math.log(2.0), 2.0 / math.log(2.0))
    )
    assert (bits.kind, bits.of, bits.num_dims) == ("interval", "p(x | y)", 2)


def test_records_keep_everything_and_older_ones_are_read() -> None:
    full = Estimate(0.5, kind="interval", low=0.0, high=1.0, of="p(unseen | seen)", num_dims=392)
    assert Estimate.from_dict(full.to_dict()) == full
    old = {"value": -2.0, "standard_error": 0.1, "kind": "lower bound", "unit": "nats", "per": "datum",
           "measure": "binary", "estimator": "IWAE-5", "num_data": 9, "better": "higher"}  # fmt: skip
    read = Estimate.from_dict(old)
    assert (read.low, read.high, read.of, read.num_dims) == (None, None, "", 0)
    with pytest.raises(SettingError, match="unknown fields"):
        Estimate.from_dict({**old, "colour": "red"})
