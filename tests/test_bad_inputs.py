"""What users get wrong: each mistake gives an error of ppgen's own that says what, expected, got and the fix.

What a model, a guide or a batch may look like is in ``tests/declare/test_validity.py``; here is what a user hands to
``fit``, ``load``, ``compare`` and the command line. No mistake may end in a traceback from inside torch or Pyro, in a
number that is not one, or in a run folder that is not what it was before.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen import zoo
from ppgen.cli import Refusal, commands
from ppgen.errors import (
    CheckpointError,
    DataError,
    DeclarationError,
    PpgenError,
    SettingError,
    Unanswerable,
)

Case = Callable[[Path], Any]
SIDE = 28


def nothing(_: Path) -> None:
    pass


def bad(name: str, error: type[PpgenError], words: tuple[str, ...], act: Case, after: Case = nothing) -> Any:
    """A mistake: the class of its error, words that the text must contain, and what is done.

    ``after`` damages the run folder beforehand; from then on nobody may change it.
    """
    return pytest.param(act, error, words, after, id=name)


# Models ---------------------------------------------------------------------------------------------------------------


class Pixels(ppgen.Model):
    """z ~ Normal(0, I);  x | z ~ Bernoulli(decoder(z)); an affine decoder, so that a fit takes no time."""

    def __init__(self, shape: tuple[int, ...] = (1, SIDE, SIDE)) -> None:
        super().__init__()
        self.shape = shape
        self.decoder = nn.Linear(2, int(np.prod(shape)))

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> Any:
        logits = self.decoder(z).reshape(*z.shape[:-1], *self.shape)
        return dist.Bernoulli(logits=logits).to_event(len(self.shape))


def half_broken() -> Pixels:
    model = Pixels()
    nn.init.constant_(model.decoder.bias, float("nan"))
    return model


# Data and fits --------------------------------------------------------------------------------------------------------


def bits(rows: int = 16, shape: tuple[int, ...] = (1, SIDE, SIDE)) -> Tensor:
    return torch.bernoulli(torch.full((rows, *shape), 0.5))


def labels(rows: int = 16) -> Tensor:
    return torch.arange(rows) % 10


def pixel(value: float, *index: int, rows: int = 16) -> Tensor:
    """Bits of which one is something else."""
    x = bits(rows)
    x[index] = value
    return x


def ragged() -> Any:
    rows = np.empty(2, dtype=object)
    rows[:] = [np.zeros(3), np.zeros(4)]
    return rows


def fit(model: Any = None, guide: Any = None, data: Any = None, objective: Any = None, **settings: Any) -> ppgen.Model:
    """``ppgen.fit`` of a small model to a few bits, in silence."""
    chosen = {"max_epochs": 1, "batch_size": 8, "progress": False, "device": "cpu"} | settings
    model = Pixels() if model is None else model
    return ppgen.fit(model, bits() if data is None else data, guide=guide, objective=objective, **chosen)


def conditional(**settings: Any) -> ppgen.Model:
    return ppgen.models.ConditionalVAE((1, SIDE, SIDE), **settings)


def gan() -> ppgen.Model:
    return ppgen.models.GAN((1, SIDE, SIDE))


def numbers_file(folder: Path) -> str:
    (folder / "broken.npy").write_text("these are no numbers")
    return str(folder / "broken.npy")


def without_cuda(_: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    fit(device="cuda")


MISTAKES_IN_DATA = [
    bad("a pixel is not a number", DataError, ("x", "non-finite", "[3, 0, 0, 0]", "isfinite"),
        lambda _: fit(data=pixel(float("nan"), 3, 0, 0, 0))),
    bad("a grey pixel in the last row of many", DataError, ("x", "0 or 1"),
        lambda _: fit(data=pixel(0.5, -1, 0, -1, -1, rows=200))),
    bad("grey digits for a Bernoulli", DataError, ("x", "0 or 1", "binarize"),
        lambda _: fit(Pixels((1, 8, 8)), data=ppgen.data.load("digits", binarize=None))),
    bad("channels last", DataError, ("x", "1, 28, 28", "28, 28, 1", "permute"),
        lambda _: fit(data=bits(16, (SIDE, SIDE, 1)))),
    bad("no rows at all", DataError, ("empty",), lambda _: fit(data=torch.zeros(0, 1, SIDE, SIDE))),
    bad("a list instead of an array", DataError, ("x", "list", "numpy"),
        lambda _: fit(data={"x": [[0.0, 1.0], [1.0, 0.0]]})),
    bad("rows of unequal length", DataError, ("x", "objects"), lambda _: fit(data={"x": ragged()})),
    bad("words instead of numbers", DataError, ("x", "text"), lambda _: fit(data={"x": np.array(["zero", "one"])})),
    bad("the observed site is not in the data", DataError, ("x", "keys"), lambda _: fit(data={"images": bits()})),
    bad("a label out of range for a model of the zoo", DataError, ("labels", "0 .. 4", "num_classes=10"),
        lambda _: fit(conditional(num_classes=5), data={"x": bits(), "y": labels()})),
    bad("attributes of another length", DataError, ("ConditionalVAE.x", "attributes", "num_classes=7"),
        lambda _: fit(conditional(), data={"x": bits(), "y": torch.rand(16, 7)})),
    bad("fifteen labels for sixteen images", DataError, ("15 rows of y", "16 rows of x"),
        lambda _: fit(conditional(), data={"x": bits(), "y": labels(15)})),
    bad("samples of a conditional model without its label", Unanswerable, ("y", "sample"),
        lambda _: fit(conditional(), data={"x": bits(), "y": labels()}).sample(4)),
    bad("a data set misspelt", SettingError, ("mnits", "mnist"), lambda _: fit(data="mnits")),
    bad("a path that is not there", PpgenError, ("nowhere",), lambda folder: fit(data=str(folder / "nowhere.npz"))),
    bad("a file that is no array", DataError, ("broken",), lambda folder: fit(data=numbers_file(folder))),
    bad("a mode of binarizing misspelt", SettingError, ("binarize", "statik"),
        lambda _: ppgen.data.load("digits", binarize="statik")),
    bad("more than all rows for validation", SettingError, ("valid",),
        lambda _: ppgen.data.from_tensors(bits(), valid=1.5)),
]  # fmt: skip

MISTAKES_IN_MODELS_AND_SETTINGS = [
    bad("a guide without a latent", DeclarationError, ("z", "Guide"), lambda _: fit(guide=ppgen.Guide())),
    bad("a class instead of a model", DeclarationError, ("Pixels", "class"), lambda _: fit(Pixels)),
    bad("weights that are not finite", PpgenError, ("decoder",), lambda _: fit(half_broken())),
    *[
        bad(f"{name}={value}", SettingError, (name, str(value)),
            lambda _, name=name, value=value: fit(**{name: value}))
        for name, value in [
            ("max_epochs", 0), ("max_epochs", -1), ("max_epochs", 1.5), ("batch_size", 0), ("learning_rate", -1e-3),
            ("learning_rate", 0.0), ("learning_rate", float("nan")), ("learning_rate", float("inf")), ("patience", 0),
            ("clip_norm", -1.0), ("seed", "one"),
        ]
    ],
    bad("cuda where there is none", SettingError, ("cuda", "cpu"), without_cuda),
    bad("a device that torch does not know", SettingError, ("tpu9", "cpu"), lambda _: fit(device="tpu9")),
    bad("a negative beta", SettingError, ("beta", "-1"), lambda _: ppgen.ELBO(beta=-1.0)),
    bad("a beta that is not a number", SettingError, ("beta", "nan"), lambda _: ppgen.ELBO(beta=float("nan"))),
    bad("no particles to train with", SettingError, ("num_particles", "0"), lambda _: ppgen.ELBO(num_particles=0)),
    bad("no particles to evaluate with", SettingError, ("num_particles", "0"),
        lambda _: fit().log_prob(num_particles=0)),
    bad("no samples", SettingError, ("n ", "0"), lambda _: fit().sample(0)),
    bad("an adversarial loss misspelt", SettingError, ("Adversarial", "wobbly"),
        lambda _: ppgen.Adversarial(loss="wobbly")),
    bad("maximum likelihood of a model with latents", SettingError, ("MaximumLikelihood", "z", "ELBO"),
        lambda _: fit(objective=ppgen.MaximumLikelihood())),
    bad("an ELBO of a GAN", SettingError, ("GAN", "implicit", "Adversarial"),
        lambda _: fit(gan(), objective=ppgen.ELBO())),
    bad("adversarial training of a VAE", SettingError, ("Adversarial", "implicit"),
        lambda _: fit(objective=ppgen.Adversarial())),
    bad("an objective by its name", SettingError, ("objective", "'elbo'"), lambda _: fit(objective="elbo")),
    bad("the density of a GAN", Unanswerable, ("density", "implicit"), lambda _: fit(gan()).log_prob()),
    bad("a recipe misspelt", SettingError, ("vea", "vae"), lambda _: zoo.build("vea")),
    bad("an option of a recipe misspelt", SettingError, ("latentdim", "latent_dim"),
        lambda _: zoo.build("vae", bits(), latentdim=3)),
    bad("a conditional recipe for data without labels", SettingError, ("cvae", "labels"),
        lambda _: zoo.build("cvae", bits())),
    bad("a comparison of nothing", SettingError, ("nothing",), lambda _: ppgen.compare({})),
]  # fmt: skip

# Run folders ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, and beside it two checkpoints of its fit."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    torch.manual_seed(0)
    fit(vae(), data=ppgen.data.load("digits"), out=folder, batch_size=1077)
    return folder


@pytest.fixture
def folder(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, new, with a copy of the run in ``run/``; files loaded from it are forgotten afterwards."""
    shutil.copytree(run, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def vae(latent_dim: int = 2) -> ppgen.Model:
    return ppgen.models.VAE((1, 8, 8), latent_dim=latent_dim, hidden=(4,))


def resume(folder: Path, model: Any = None, **settings: Any) -> None:
    settings = {"out": folder / "run", "resume": True, "batch_size": 1077} | settings
    fit(model or vae(), data=ppgen.data.load("digits"), **settings)


def load(folder: Path) -> None:
    ppgen.load(folder / "run")


def compare(folder: Path) -> None:
    ppgen.compare({"run": folder / "run"})


def newest(folder: Path) -> Path:
    return sorted((folder / "run" / "checkpoint").glob("step-*.pt"))[-1]


def overwrite(name: str, text: str) -> Case:
    return lambda folder: (folder / "run" / name).write_text(text)


def flip(file: Path, place: float = 0.5) -> None:
    """Change one bit."""
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)


def cut_checkpoint(folder: Path) -> None:
    newest(folder).write_bytes(newest(folder).read_bytes()[: newest(folder).stat().st_size // 2])


def into_a_file(folder: Path) -> None:
    (folder / "taken").write_text("mine")
    fit(out=folder / "taken")


WEIGHTS = "model.safetensors"
MISTAKES_IN_RUN_FOLDERS = [
    bad("a checkpoint cut short", CheckpointError, ("step-", "damaged", "SHA-256"), resume, cut_checkpoint),
    bad("an empty checkpoint", CheckpointError, ("step-", "damaged"), resume,
        lambda folder: newest(folder).write_bytes(b"")),
    bad("a checkpoint with one bit changed", CheckpointError, ("step-", "damaged"), resume,
        lambda folder: flip(newest(folder))),
    bad("a checkpoint that is text", CheckpointError, ("step-", "damaged"), resume,
        lambda folder: newest(folder).write_text("weights")),
    bad("a checkpoint that is gone", CheckpointError, ("step-", "missing"), resume,
        lambda folder: newest(folder).unlink()),
    bad("a pointer to the checkpoint that is text", CheckpointError, ("latest.json", "damaged"), resume,
        overwrite("checkpoint/latest.json", "it")),
    bad("resuming the run of another model", CheckpointError, ("another model", "latent_dim"),
        lambda folder: resume(folder, vae(latent_dim=3))),
    bad("resuming with another setting", CheckpointError, ("another learning_rate", "0.5"),
        lambda folder: resume(folder, learning_rate=0.5)),
    bad("resuming without a folder", SettingError, ("resume", "out"), lambda _: fit(resume=True)),
    bad("a second run into the folder of a first", SettingError, ("run", "already", "resume"),
        lambda folder: resume(folder, resume=False)),
    bad("a file instead of a run folder", SettingError, ("file",), into_a_file),
    bad("loading a folder that is no run", CheckpointError, ("no run here", "run.json"), ppgen.load),
    bad("loading a run whose record is cut short", CheckpointError, ("run.json", "damaged"), load,
        overwrite("run.json", '{"model":')),
    bad("loading a run whose record is something else", CheckpointError, ("run.json",), load,
        overwrite("run.json", "[]")),
    bad("loading weights that are text", CheckpointError, (WEIGHTS, "damaged"), load, overwrite(WEIGHTS, "w")),
    bad("loading weights with one bit changed", CheckpointError, (WEIGHTS, "damaged"), load,
        lambda folder: flip(folder / "run" / WEIGHTS, 0.9)),
    bad("loading a run without weights", CheckpointError, (WEIGHTS,), load,
        lambda folder: (folder / "run" / WEIGHTS).unlink()),
    bad("comparing a run that was never evaluated", CheckpointError, ("scores", "ppgen.evaluate"), compare),
    bad("comparing a run whose scores are damaged", CheckpointError, ("scores", "damaged"), compare,
        overwrite("scores.json", "{}")),
]  # fmt: skip

# Command line ---------------------------------------------------------------------------------------------------------


def cli(*words: str) -> None:
    """Run a command; an error is raised as it was before it became text."""
    try:
        commands.main(list(words), standalone_mode=False)
    except Refusal as refusal:
        raise refusal.__cause__ or refusal from None


def misspelt_class(folder: Path) -> None:
    (folder / "own_ladder.py").write_text("import ppgen\nclass LadderVAE(ppgen.Model):\n    pass\n")
    cli("fit", str(folder / "own_ladder.py") + ":Ladder")


def over_letters(folder: Path) -> None:
    (folder / "letters").mkdir()
    (folder / "letters" / "letter.txt").write_text("Dear Ada")
    cli("fit", "vae", "--overwrite", "--out", str(folder / "letters"))


MISTAKES_AT_THE_COMMAND_LINE = [
    bad("fit of a recipe misspelt", SettingError, ("vea", "vae"), lambda _: cli("fit", "vea")),
    bad("fit of a file that is not there", SettingError, ("nowhere.py", "no such file"),
        lambda folder: cli("fit", f"{folder}/nowhere.py:Model")),
    bad("fit of a class misspelt", SettingError, ("Ladder", "LadderVAE"), misspelt_class),
    bad("fit with an argument misspelt", SettingError, ("latent_dimm", "latent_dim"),
        lambda _: cli("fit", "vae", "--set", "latent_dimm=3")),
    bad("fit with an argument that is code", SettingError, ("latent_dim", "JSON"),
        lambda _: cli("fit", "vae", "--set", "latent_dim=__import__('os').getpid()")),
    bad("fit of a PixelCNN with beta", SettingError, ("beta", "MaximumLikelihood"),
        lambda _: cli("fit", "pixelcnn", "--beta", "4")),
    bad("fit with a guide misspelt", SettingError, ("mean-feild", "MeanField"),
        lambda _: cli("fit", "vae", "--guide", "mean-feild")),
    bad("fit that is to resume and to overwrite", SettingError, ("--resume", "--overwrite"),
        lambda _: cli("fit", "vae", "--resume", "--overwrite")),
    bad("fit into the folder of another run", SettingError, ("already", "--overwrite"),
        lambda folder: cli("fit", "vae", "--out", f"{folder}/run")),
    bad("fit that would overwrite what is no run", SettingError, ("no run", "other files"), over_letters),
    bad("evaluate of a folder that is no run", CheckpointError, ("no run here",),
        lambda folder: cli("evaluate", f"{folder}/nowhere")),
    bad("sample into a file of unknown kind", SettingError, ("samples.txt", ".png"),
        lambda folder: cli("sample", f"{folder}/run", "-o", f"{folder}/samples.txt")),
    bad("sample with a label of a model that has none", SettingError, ("y", "not conditional"),
        lambda folder: cli("sample", f"{folder}/run", "--given", "y=3", "-o", f"{folder}/samples.png")),
]  # fmt: skip

MISTAKES = [
    *MISTAKES_IN_DATA,
    *MISTAKES_IN_MODELS_AND_SETTINGS,
    *MISTAKES_IN_RUN_FOLDERS,
    *MISTAKES_AT_THE_COMMAND_LINE,
]

# The checks -----------------------------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, str]:
    """Every file under a folder, with a hash of its bytes."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.mark.parametrize(("case", "error", "words", "damage"), MISTAKES)
def test_a_mistake_is_named_with_expected_got_and_fix(
    case: Case, error: type[PpgenError], words: tuple[str, ...], damage: Case, folder: Path
) -> None:
    damage(folder)
    before = contents(folder / "run")
    with pytest.raises(PpgenError) as caught:
        case(folder)
    mistake = caught.value
    assert isinstance(mistake, error)
    missing = [part for part in ("what", "expected", "got", "fix") if not getattr(mistake, part)]
    assert not missing, f"the text has no {' and no '.join(missing)}:\n{mistake}"
    absent = [word for word in words if word not in str(mistake)]
    assert not absent, f"the text does not contain {absent}:\n{mistake}"
    assert len(str(mistake)) < 1200, "too long to be read"
    assert contents(folder / "run") == before, "the run folder was changed"


# What looks like a mistake and is none --------------------------------------------------------------------------------


def test_harmless_variants_are_the_same_data() -> None:
    x = bits()
    variants = [x, x.numpy(), x.double(), x.bool(), x.to(torch.uint8), x.numpy().astype(">f4"), {"x": x, "y": labels()}]
    elbos = []
    for variant in variants:
        torch.manual_seed(0)
        elbos.append(fit(data=variant).history[-1]["train"]["elbo"])
    assert elbos == [elbos[0]] * len(variants)
