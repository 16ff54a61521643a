from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import ppgen
from ppgen.errors import CheckpointError
from ppgen.guides import MeanField
from ppgen.models import GAN, VAE
from ppgen.runs.record import describe_run, modules_of, verify_same_run
from ppgen.runs.run_folder import RunFolder

SETTINGS: dict[str, Any] = {
    "max_epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "schedule": "constant", "seed": 0, "patience": None,
}  # fmt: skip


def record_of(**changes: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    parts: dict[str, Any] = {"one_value": 0.0, "latent_dim": 2, "objective": ppgen.ELBO(), **SETTINGS} | changes
    model, x = VAE((4,), parts["latent_dim"], hidden=(4,)), torch.randn(30, 4)
    splits = {"train": x.clone(), "valid": x[:3] + 1, "test": x[:3] + 2}
    splits["train"][7, 2] = parts["one_value"]
    data = ppgen.data.from_tensors(splits)
    settings = {key: parts[key] for key in SETTINGS}
    return describe_run(model, MeanField(model), parts["objective"], data, settings, {"dtypes": {}})


def test_a_record_is_plain_data() -> None:
    record = record_of()
    assert json.loads(json.dumps(record)) == json.loads(json.dumps(record_of()))
    assert record["model"]["class"] == "ppgen.models:VAE"
    assert record["example"]["x"] == {"shape": [4], "dtype": "float32", "max": None}
    assert record["versions"]["torch"] == torch.__version__
    assert len(record["data"]["fingerprint"]) == 16


def test_the_same_run_is_known_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record_of())
    verify_same_run(folder, record_of())
    verify_same_run(folder, record_of(max_epochs=9, patience=3))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"latent_dim": 3}, "model"),
        ({"objective": ppgen.ELBO(2.0)}, "objective"),
        ({"one_value": 9.0}, "data"),
        ({"batch_size": 9}, "batch_size"),
        ({"seed": 1}, "seed"),
        ({"schedule": "cosine"}, "schedule"),
    ],
)
def test_another_run_is_told_apart(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record_of())
    with pytest.raises(CheckpointError, match=f"another {word}") as caught:
        verify_same_run(folder, record_of(**change))
    assert caught.value.expected != caught.value.got


def test_a_schedule_that_ends_with_the_last_epoch_fixes_their_number(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(record_of(schedule="cosine"))
    verify_same_run(folder, record_of(schedule="cosine", patience=3))
    with pytest.raises(CheckpointError, match="another max_epochs"):
        verify_same_run(folder, record_of(schedule="cosine", max_epochs=9))


def test_a_critic_is_among_the_modules() -> None:
    model, objective = GAN((1, 8, 8)), ppgen.Adversarial()
    assert set(modules_of(model, None, objective)) == {"model", "critic"}
