from __future__ import annotations

import numpy as np
import pytest

from ppgen.errors import DataError
from ppgen.evaluation.accuracy import accuracy, check_labelled


def test_share_and_binomial_error() -> None:
    estimate = accuracy(np.array([1] * 36 + [0] * 64), np.ones(100), "by hand")
    assert estimate.value == 0.36
    assert estimate.standard_error == pytest.approx(0.048)
    assert (estimate.unit, estimate.better, estimate.num_data) == ("accuracy", "higher", 100)


@pytest.mark.parametrize(
    ("codes", "labels"),
    [
        (np.zeros((3, 2)), np.zeros(4)),
        (np.zeros((3, 2, 2)), np.zeros(3)),
        (np.zeros((0, 2)), np.zeros(0)),
        (np.array([[np.inf]]), np.zeros(1)),
    ],
)
def test_codes_that_do_not_fit_are_refused(codes: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(DataError, match="test codes"):
        check_labelled(codes, labels, "test")
