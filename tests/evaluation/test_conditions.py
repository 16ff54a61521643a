from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ppgen.declare.site import Site
from ppgen.evaluation.conditions import covariates_of, density_of, observed_by, only


def test_a_density_is_called_by_what_it_explains_and_what_it_is_told(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    assert (covariates_of(fit), observed_by(fit), density_of(fit)) == ([], ["x"], "p(x)")
    fit = fake_fit(conditional=True)
    assert (covariates_of(fit), observed_by(fit), density_of(fit)) == (["y"], ["x"], "p(x | y)")
    fit.model.sites["y"] = Site("y", "observed", ())
    assert (covariates_of(fit), density_of(fit)) == ([], "p(x, y)")


def test_a_covariate_that_the_data_lack_was_optional(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    fit.model.sites["x"] = Site("x", "observed", ("z", "mask"), optional=frozenset({"mask"}))
    assert covariates_of(fit) == []


def test_one_site_of_several() -> None:
    x = torch.zeros(2)
    assert only(x, "x") is x
    assert only({"x": x, "y": torch.ones(2)}, "x") is x
