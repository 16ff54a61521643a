from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas
import pytest

from ppgen.estimate import Estimate
from ppgen.evaluation import Scorecard
from ppgen.evaluation.frames import tidy, wide


@pytest.fixture
def cards(make_card: Callable[..., Scorecard]) -> dict[str, Scorecard]:
    vae = make_card("vae", np.linspace(-20.0, -10.0, 50), "lower bound")
    gan = Scorecard(
        "gan", vae.data, vae.fingerprint, sampling={"kid": Estimate(-0.01, None), "density": Estimate(0.9, 0.1)},
        baselines={"kid real/real": Estimate(0.0, 0.01)}, refusals={"density": "implicit"},
    )  # fmt: skip
    return {"vae": vae, "gan": gan}


def test_wide_keeps_numbers_and_what_they_are(cards: dict[str, Scorecard]) -> None:
    frame = wide(cards)
    assert list(frame.index) == ["vae", "gan"]
    assert frame.columns.names == ["metric", "field"]
    assert frame["log_prob"].columns.tolist() == ["value", "se", "kind"]
    assert frame.loc["vae", ("log_prob", "value")] == -15.0
    assert frame.loc["vae", ("log_prob", "kind")] == "lower bound"
    assert frame.loc["gan", ("kid", "value")] == -0.01
    assert frame.loc["gan"].isna()["log_prob"].all()
    assert np.isnan(frame.loc["gan", ("kid", "se")])
    assert frame["log_prob", "value"].dtype == frame["kid", "se"].dtype == "float64"
    assert isinstance(frame["kid", "kind"].dtype, pandas.StringDtype)


def test_wide_of_nothing_measured() -> None:
    frame = wide({"a": Scorecard("a", "toy", "f00d")})
    assert frame.shape == (1, 0)


def test_tidy_has_a_row_for_every_number_baseline_and_refusal(cards: dict[str, Scorecard]) -> None:
    frame = tidy(cards)
    assert len(frame) == 1 + 2 + 1 + 3  # vae; gan's two numbers, one floor, and three refused metrics
    assert set(frame.query("model == 'gan' and question == 'density'").reason) == {"implicit"}
    floor = frame.query("baseline == 'real/real'").iloc[0]
    assert (floor.metric, floor.value) == ("kid", 0.0)
    assert frame.query("metric == 'log_prob' and model == 'vae'").iloc[0].measure == "binary"
    assert set(frame.fingerprint) == {"f00d"}
