"""Scores know the weights that they judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ppgen
from ppgen.errors import CheckpointError
from ppgen.evaluation import Scorecard
from ppgen.files import digest_of
from ppgen.runs import RunFolder


def fitted(folder: Path, **settings: Any) -> Any:
    model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2, hidden=(8,))
    return ppgen.fit(model, "digits", out=folder, progress=False, **settings)


@pytest.mark.parametrize("average", [None, 0.9])
def test_scores_carry_the_digests_of_weights_and_test_data(tmp_path: Path, average: float | None) -> None:
    folder = tmp_path / "run"
    fit = fitted(folder, max_epochs=1, average=average)
    card = ppgen.evaluate(fit, ["log_prob"], num_particles=2, progress=False)
    card.save(folder)
    again = Scorecard.load(folder)
    assert again.weights == card.weights == digest_of(folder / "model.safetensors")
    assert again.fingerprint == fit.data.fingerprint("test")
    loaded = ppgen.evaluate(ppgen.load(folder), ["log_prob"], num_particles=2, progress=False)
    assert loaded.weights == card.weights


def test_a_run_that_was_taken_up_again_makes_its_scores_stale(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    card = ppgen.evaluate(fitted(folder, max_epochs=1), ["log_prob"], num_particles=2, progress=False)
    card.save(folder)
    longer = fitted(folder, max_epochs=2, resume=True)
    card.save(folder)  # whoever keeps them: they are refused by what they say
    with pytest.raises(CheckpointError, match="stale: they judge other weights"):
        ppgen.compare({"run": folder})
    ppgen.evaluate(longer, ["log_prob"], num_particles=2, progress=False).save(folder)
    assert ppgen.compare({"run": folder}).cards["run"].weights != card.weights


def test_a_run_without_weights_yet_has_no_scores(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    ppgen.evaluate(fitted(folder, max_epochs=1), ["log_prob"], num_particles=2, progress=False).save(folder)
    run = RunFolder(folder)
    record = run.read()
    del record["weights"]
    run.write({**record, "finished": False})
    with pytest.raises(CheckpointError, match="a run that has come to its end"):
        Scorecard.load(folder)


def test_scores_of_an_earlier_release_and_scores_apart_from_runs_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    card = ppgen.evaluate(fitted(folder, max_epochs=1), ["log_prob"], num_particles=2, progress=False)
    card.save(tmp_path / "apart")
    assert Scorecard.load(tmp_path / "apart").weights == card.weights
    path = card.save(folder)
    record = json.loads(path.read_text())
    for later in ("weights", "format", "sha256"):  # which the first had not
        del record[later]
    path.write_text(json.dumps(record))
    assert Scorecard.load(folder).weights == ""
