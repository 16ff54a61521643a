"""The graph that a structured guide samples along; its bounds are in test_known_answers."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
from torch import Tensor

from ppgen.declare import observed
from ppgen.errors import SettingError
from ppgen.guides import Flow, Structured
from ppgen.guides.structured import faithful_inverse
from ppgen.inference.bound import elbo_parts
from ppgen.nets.flow import zuko_flow
from tests.oracles.conjugate import TwoLevels


def test_the_inverse_of_a_chain_and_of_a_fork() -> None:
    assert faithful_inverse(TwoLevels.sites, ["z2", "z1"]) == {"z1": [], "z2": ["z1"]}

    class Fork(TwoLevels):
        @observed
        def x(self, z1: Tensor, z2: Tensor) -> Any:
            return dist.Normal(z1, 1.0).to_event(1)

    assert faithful_inverse(Fork.sites, ["z2", "z1"]) == {"z1": [], "z2": ["z1"]}


def test_closed_forms_hold_in_the_models_order_only() -> None:
    model = TwoLevels()
    x = model(size=5)["x"]
    for order, valid in (("model", [True, True]), ("inverse", [True, False])):
        latents = elbo_parts(model, Structured(model, order=order), {"x": x}, 5).trace.latents
        assert [latents[name].in_order for name in ("z2", "z1")] == valid


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(SettingError, match="unknown order"):
        Structured(TwoLevels(), order="sideways")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="unknown flow"):
        Flow(TwoLevels(), flow="MOF")


def test_a_flow_is_given_by_its_constructor_or_by_its_name() -> None:
    made = [Flow(TwoLevels(), flow=flow, transforms=1) for flow in ("NSF", zuko_flow("NSF"))]
    assert repr(made[0].parts) == repr(made[1].parts)
    assert "NSF" in repr(made[0].parts)
