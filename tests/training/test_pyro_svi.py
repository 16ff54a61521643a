"""Pyro's SVI trains pairs of the zoo as `ppgen.fit` does; all of them, for 306 steps, in `benchmarks/pyro_svi.py`."""

from __future__ import annotations

from typing import Any

import pyro
import pytest

from benchmarks.pyro_svi import SUMMED, WAYS, by_fit, by_svi

PAIRS = [("vae", *WAYS[0]), ("vae", *WAYS[1]), ("masked", *WAYS[0]), ("semi-supervised", *SUMMED[0])]


@pytest.mark.parametrize(("name", "label", "elbo", "objective"), PAIRS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_loss_falls_as_in_a_fit(name: str, label: str, elbo: Any, objective: Any) -> None:
    ours = by_fit(name, objective, epochs=1)
    before, theirs = by_svi(name, elbo, epochs=1)
    assert theirs - before > 0.05 * abs(before)
    assert theirs == pytest.approx(ours, rel=0.03), label
    assert not pyro.get_param_store().keys()
