"""Tables of one's own: where the names of the columns stand, and what is no column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ppgen.data
from ppgen.errors import DataError

RNG = np.random.default_rng(0)


def test_a_table_without_names_is_refused_and_loses_no_row(tmp_path):
    values = RNG.normal(size=(30, 3))
    np.savetxt(tmp_path / "bare.csv", values, delimiter=",")
    with pytest.raises(DataError, match="first line holds numbers") as caught:
        ppgen.data.load(tmp_path / "bare.csv")
    assert caught.value.fix == "write a line of names above it: x1,x2,x3"
    for names in (["0", "1", "2"], ["1", "2", "3"], ["a", "1", "2"]):
        np.savetxt(tmp_path / "named.csv", values, delimiter=",", header=",".join(names), comments="")
        data = ppgen.data.load(tmp_path / "named.csv")
        assert sum(data.size(split) for split in data.splits) == 30


def test_the_row_numbers_that_pandas_writes_are_no_column(tmp_path):
    frame = pd.DataFrame({"height": RNG.normal(size=30), "weight": RNG.normal(size=30)})
    frame.to_csv(tmp_path / "a.csv")
    assert ppgen.data.load(tmp_path / "a.csv").keys == ("height", "weight")
    frame.to_csv(tmp_path / "b.csv", index=False)
    assert ppgen.data.load(tmp_path / "b.csv").fingerprint() == ppgen.data.load(tmp_path / "a.csv").fingerprint()
