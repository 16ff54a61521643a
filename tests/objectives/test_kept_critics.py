"""A critic of ppgen.nets is made again from a run folder, whichever game it plays; no user has to hand it over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import ppgen
from ppgen import data, models, nets
from tests.oracles.state import same, state_of

X = (1, 8, 8)


def played(name: str, **settings: Any) -> ppgen.Fit:
    torch.manual_seed(0)
    x, given = torch.rand(20, *X), torch.rand(20, *X)
    cases: dict[str, tuple[Any, Any, Any]] = {
        "pairs": (
            models.Pix2Pix(X, hidden=(4, 4)),
            {"train": {"x": x, "given": given}},
            ppgen.PairedTranslation(nets.PatchCritic(X, 1, hidden=(4,))),
        ),
        "domains": (
            models.CycleGAN(X, X, width=2, num_blocks=1),
            data.unpaired(a=x, b=given, valid=0, test=0),
            ppgen.CycleTranslation({domain: nets.PatchCritic(X, hidden=(4,)) for domain in "ab"}),
        ),
        "noise": (
            models.GAN(X, 2, hidden=(4,)),
            {"train": {"x": x}},
            ppgen.Adversarial(nets.ResidualCritic(X, hidden=(4,))),
        ),
    }
    model, rows, objective = cases[name]
    return ppgen.fit(
        model, rows, objective=objective, max_epochs=1, batch_size=10, device="cpu", progress=False, **settings
    )


@pytest.mark.parametrize("name", ["pairs", "domains", "noise"])
def test_a_run_is_loaded_with_its_critics(name: str, tmp_path: Path) -> None:
    fit = played(name, out=tmp_path / "run")
    loaded = ppgen.load(tmp_path / "run", data=fit.data)
    assert same(state_of(loaded), state_of(fit))
    resumed = played(name, out=tmp_path / "run", resume=True)
    assert same(state_of(resumed), state_of(fit))
