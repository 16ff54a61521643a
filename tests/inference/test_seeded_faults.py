"""Faults put into the engine on purpose: the random pairs beside Pyro's own objectives find each of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ppgen.inference import batch_trace, bound, importance
from ppgen.inference.batch_trace import EnumeratedBatch
from ppgen.inference.paired_trace import PairedSite, PairedTrace
from tests.oracles.random_pairs import KINDS, fault

pytestmark = pytest.mark.usefixtures("float64")

Patch = Callable[[pytest.MonkeyPatch], None]
FAULTS: dict[str, Patch] = {}
MOST = 30


def seeded(patch: Patch) -> Patch:
    FAULTS[patch.__name__.replace("_", " ")] = patch
    return patch


@seeded
def a_mask_is_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PairedSite, "_masked", lambda site, density: density)


@seeded
def the_scale_of_the_plates_is_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bound, "_scaled", lambda density, scale, full: density.sum() / full)


@seeded
def the_scale_of_the_program_is_dropped(patch: pytest.MonkeyPatch) -> None:
    draw = PairedTrace._draw

    def unscaled(trace: PairedTrace, message: Any, **side: Any) -> PairedSite:
        site = draw(trace, message, **side)
        return dataclasses.replace(site, scale=site.plate_scale)

    patch.setattr(PairedTrace, "_draw", unscaled)


def forgetful_of(name: str, patch: pytest.MonkeyPatch) -> None:
    after = PairedTrace._postprocess_message

    def forgets(trace: PairedTrace, message: Any) -> None:
        if message["name"] != name:
            after(trace, message)

    patch.setattr(PairedTrace, "_postprocess_message", forgets)


@seeded
def the_factor_of_the_model_is_dropped(patch: pytest.MonkeyPatch) -> None:
    forgetful_of("energy", patch)


@seeded
def the_factor_of_the_guide_is_dropped(patch: pytest.MonkeyPatch) -> None:
    forgetful_of("teach", patch)


@seeded
def log_q_is_counted_twice(patch: pytest.MonkeyPatch) -> None:
    def twice(site: PairedSite) -> Tensor:
        return site._masked(2 * site.guide_fn.log_prob(site.value) - site.model_fn.log_prob(site.value))

    patch.setattr(PairedSite, "log_ratio", twice)


@seeded
def all_is_divided_by_the_rows_of_the_batch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bound, "full_size", lambda trace: trace.rows)


@seeded
def the_path_through_a_draw_is_cut(patch: pytest.MonkeyPatch) -> None:
    draw = PairedTrace._draw

    def cut(trace: PairedTrace, message: Any, **side: Any) -> PairedSite:
        site = draw(trace, message, **side)
        return dataclasses.replace(site, value=site.value.detach()) if "guide_fn" in side else site

    patch.setattr(PairedTrace, "_draw", cut)


@seeded
def classes_are_weighed_in_another_order(patch: pytest.MonkeyPatch) -> None:
    of = EnumeratedBatch.log_weight.fget
    assert of is not None
    patch.setattr(EnumeratedBatch, "log_weight", property(lambda rows: of(rows).roll(1)))


@seeded
def the_weight_of_a_class_has_no_gradient(patch: pytest.MonkeyPatch) -> None:
    of = EnumeratedBatch.log_weight.fget
    assert of is not None
    patch.setattr(EnumeratedBatch, "log_weight", property(lambda rows: of(rows).detach()))


@seeded
def a_label_is_summed_out_like_the_missing_ones(patch: pytest.MonkeyPatch) -> None:
    values = batch_trace._possible_values

    def unlabelled(*given: Any) -> tuple[Tensor, Tensor, Tensor]:
        known, rows, of_rows = values(*given)
        return torch.zeros_like(known), rows, of_rows

    patch.setattr(batch_trace, "_possible_values", unlabelled)


@seeded
def a_bound_forgets_the_words_of_a_row(patch: pytest.MonkeyPatch) -> None:
    whole = bound.per_datum

    def first_word(density: Tensor, draw: PairedSite, rows: int) -> Tensor:
        return whole(density[:1] if density.dim() == 2 and len(density) < rows else density, draw, rows)

    patch.setattr(importance, "per_datum", first_word)


@seeded
def a_guide_draws_after_the_model_has_read(patch: pytest.MonkeyPatch) -> None:
    match = PairedTrace._match

    def stale(trace: PairedTrace, name: str, message: Any) -> None:
        match(trace, name, message)
        trace.latents[name].value = trace.latents[name].value + 1e-6 * (name == "a")

    patch.setattr(PairedTrace, "_match", stale)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert not any(fault(kind, 0) for kind in KINDS), "without the fault"
    FAULTS[name](monkeypatch)
    assert any(fault(kind, seed) for seed in range(MOST) for kind in KINDS)
