"""What users get wrong: each mistake gives an error of ppgen's own that says what, expected, got and the fix.

Every case is a function that makes one mistake. None of them may end in a traceback from inside torch or Pyro, in a
number that is not one, or in a run folder that is not what it was before.
"""

from __future__ import annotations

import errno
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
    DivergenceError,
    PpgenError,
    SettingError,
    Unanswerable,
)

Case = Callable[[Path], Any]
SIDE = 28
CASES: list[Any] = []


def bad(error: type[PpgenError], *words: str, after: Case | None = None) -> Callable[[Case], Case]:
    """Register a mistake, the class of its error, and words that the text must contain.

    ``after`` damages the run folder beforehand; from then on nobody may change it.
    """

    def register(case: Case) -> Case:
        name = case.__name__.replace("_", " ").strip()
        CASES.append(pytest.param(case, error, words, after or nothing, id=name))
        return case

    return register


def nothing(_: Path) -> None:
    pass


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


class Labelled(Pixels):
    """The same with a label that has ten classes."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 2)

    @ppgen.observed
    def x(self, z: Tensor, y: Tensor) -> Any:
        return Pixels.x(self, z + self.embedding(y))


class Rate(ppgen.Model):
    """A positive latent: u ~ Gamma(2, 2);  x | u ~ Normal(u, 1)."""

    @ppgen.latent
    def u(self) -> Any:
        return dist.Gamma(2.0, 2.0)

    @ppgen.observed
    def x(self, u: Tensor) -> Any:
        return dist.Normal(u, 1.0)


class RealGuide(ppgen.Guide):
    @ppgen.latent
    def u(self, x: Tensor) -> Any:
        return dist.Normal(x, 1.0)


class EmptyGuide(ppgen.Guide):
    pass


class StrangerGuide(ppgen.Guide):
    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(torch.zeros(len(x), 2), 1.0).to_event(1)

    @ppgen.latent
    def w(self, x: Tensor) -> Any:
        return dist.Normal(torch.zeros(len(x)), 1.0)


class WideGuide(ppgen.Guide):
    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(torch.zeros(len(x), 3), 1.0).to_event(1)


class SurplusGuide(ppgen.Guide):
    """Leading batch dimensions too many, (16, 16, 2) for (16, 2): Pyro adds the KL sixteen times and says nothing."""

    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(torch.zeros(len(x), len(x), 2), 1.0).to_event(1)


def bits(rows: int = 16, shape: tuple[int, ...] = (1, SIDE, SIDE)) -> Tensor:
    return torch.bernoulli(torch.full((rows, *shape), 0.5))


def labels(rows: int = 16) -> Tensor:
    return torch.arange(rows) % 10


def fit(model: Any = None, guide: Any = None, data: Any = None, objective: Any = None, **settings: Any) -> ppgen.Model:
    """``ppgen.fit`` of a small model to a few bits, in silence."""
    chosen = {"max_epochs": 1, "batch_size": 8, "progress": False, "device": "cpu"} | settings
    model = Pixels() if model is None else model
    return ppgen.fit(model, guide, bits() if data is None else data, objective, **chosen)


def cli(*words: str) -> None:
    """Run a command; an error is raised as it was before it became text."""
    try:
        commands.main(list(words), standalone_mode=False)
    except Refusal as refusal:
        raise refusal.__cause__ or refusal from None


# Data: values ---------------------------------------------------------------------------------------------------------


@bad(DataError, "x", "non-finite", "[3, 0, 0, 0]", "isfinite")
def one_pixel_is_not_a_number(_: Path) -> None:
    x = bits()
    x[3, 0, 0, 0] = float("nan")
    fit(data=x)


@bad(DataError, "x", "non-finite", "inf")
def one_pixel_is_infinite(_: Path) -> None:
    x = bits()
    x[0, 0, 5, 5] = float("inf")
    fit(data=x)


@bad(DataError, "x", "0 or 1", "255", "binarize")
def pixels_from_0_to_255_for_a_bernoulli(_: Path) -> None:
    fit(data=torch.randint(0, 256, (16, 1, SIDE, SIDE)).float())


@bad(DataError, "x", "0 or 1", "255", "binarize")
def uint8_pixels_for_a_bernoulli(_: Path) -> None:
    fit(data=torch.randint(0, 256, (16, 1, SIDE, SIDE)).to(torch.uint8))


@bad(DataError, "x", "0 or 1", "binarize")
def grey_pixels_for_a_bernoulli(_: Path) -> None:
    fit(data=torch.rand(16, 1, SIDE, SIDE))


@bad(DataError, "x", "0 or 1", "-0.99", "binarize")
def pixels_from_minus_1_to_1_for_a_bernoulli(_: Path) -> None:
    fit(data=torch.rand(16, 1, SIDE, SIDE) * 2 - 1)


@bad(DataError, "x", "0 or 1")
def one_grey_pixel_in_the_last_row_of_many(_: Path) -> None:
    x = bits(200)
    x[-1, 0, -1, -1] = 0.5
    fit(data=x)


@bad(DataError, "x", "0 or 1", "binarize")
def grey_digits_for_a_bernoulli(_: Path) -> None:
    fit(Pixels((1, 8, 8)), data=ppgen.data.load("digits", binarize=None))


# Data: shapes ---------------------------------------------------------------------------------------------------------


@bad(DataError, "x", "1, 28, 28", "28, 28, 1", "permute")
def channels_last(_: Path) -> None:
    fit(data=bits(16, (SIDE, SIDE, 1)))


@bad(DataError, "x", "1, 28, 28", "unsqueeze(1)")
def the_channel_dimension_is_missing(_: Path) -> None:
    fit(data=bits(16, (SIDE, SIDE)))


@bad(DataError, "x", "1, 28, 28", "1, 28, 27")
def images_of_another_size(_: Path) -> None:
    fit(data=bits(16, (1, SIDE, SIDE - 1)))


@bad(DataError, "empty")
def no_rows_at_all(_: Path) -> None:
    fit(data=torch.zeros(0, 1, SIDE, SIDE))


@bad(DataError, "x", "list", "numpy")
def a_list_instead_of_an_array(_: Path) -> None:
    fit(data={"x": [[0.0, 1.0], [1.0, 0.0]]})


@bad(DataError, "x", "objects")
def rows_of_unequal_length(_: Path) -> None:
    ragged = np.empty(2, dtype=object)
    ragged[:] = [np.zeros(3), np.zeros(4)]
    fit(data={"x": ragged})


@bad(DataError, "x", "text")
def words_instead_of_numbers(_: Path) -> None:
    fit(data={"x": np.array(["zero", "one"])})


@bad(DataError, "x", "keys")
def the_observed_site_is_not_in_the_data(_: Path) -> None:
    fit(data={"images": bits()})


# Data: labels ---------------------------------------------------------------------------------------------------------


@bad(DataError, "y", "10")
def a_label_above_the_range(_: Path) -> None:
    y = labels()
    y[3] = 10
    fit(Labelled(), data={"x": bits(), "y": y})


@bad(DataError, "y", "-1")
def a_label_below_the_range(_: Path) -> None:
    y = labels()
    y[3] = -1
    fit(Labelled(), data={"x": bits(), "y": y})


@bad(DataError, "labels", "0 .. 4", "num_classes=10")
def a_label_out_of_range_for_a_model_of_the_zoo(_: Path) -> None:
    fit(ppgen.models.ConditionalVAE((1, SIDE, SIDE), num_classes=5), data={"x": bits(), "y": labels()})


@bad(DataError, "y", "float")
def labels_that_are_floats(_: Path) -> None:
    fit(ppgen.models.ConditionalVAE((1, SIDE, SIDE)), data={"x": bits(), "y": labels().float() + 0.5})


@bad(DataError, "ConditionalVAE.x", "attributes", "num_classes=7")
def attributes_of_another_length(_: Path) -> None:
    fit(ppgen.models.ConditionalVAE((1, SIDE, SIDE)), data={"x": bits(), "y": torch.rand(16, 7)})


@bad(DataError, "15 rows of y", "16 rows of x")
def fifteen_labels_for_sixteen_images(_: Path) -> None:
    fit(Labelled(), data={"x": bits(), "y": labels(15)})


@bad(PpgenError, "y", "x")
def labels_are_missing(_: Path) -> None:
    fit(Labelled(), data={"x": bits()})


@bad(Unanswerable, "y", "sample")
def samples_of_a_conditional_model_without_its_label(_: Path) -> None:
    fit(Labelled(), data={"x": bits(), "y": labels()}).sample(4)


# Data: names ----------------------------------------------------------------------------------------------------------


@bad(SettingError, "mnits", "mnist")
def a_data_set_misspelt(_: Path) -> None:
    fit(data="mnits")


@bad(PpgenError, "nowhere")
def a_path_that_is_not_there(folder: Path) -> None:
    fit(data=str(folder / "nowhere.npz"))


@bad(DataError, "broken")
def a_file_that_is_no_array(folder: Path) -> None:
    (folder / "broken.npy").write_text("these are no numbers")
    fit(data=str(folder / "broken.npy"))


@bad(SettingError, "binarize", "statik")
def a_mode_of_binarizing_misspelt(_: Path) -> None:
    ppgen.data.load("digits", binarize="statik")


@bad(SettingError, "valid")
def more_than_all_rows_for_validation(_: Path) -> None:
    ppgen.data.from_tensors(bits(), valid=1.5)


# Declarations ---------------------------------------------------------------------------------------------------------


@bad(DeclarationError, "zz", "'z'")
def a_parent_that_does_not_exist(_: Path) -> None:
    class Misspelt(Pixels):
        @ppgen.observed
        def x(self, zz: Tensor) -> Any:
            return Pixels.x(self, zz)

    fit(Misspelt())


@bad(DeclarationError, "a -> b -> a")
def sites_in_a_circle(_: Path) -> None:
    class Circle(ppgen.Model):
        @ppgen.latent
        def a(self, b: Tensor) -> Any:
            return dist.Normal(b, 1.0)

        @ppgen.latent
        def b(self, a: Tensor) -> Any:
            return dist.Normal(a, 1.0)


@bad(DeclarationError, "x", ".to_event(3)")
def to_event_forgotten(_: Path) -> None:
    class Forgetful(Pixels):
        @ppgen.observed
        def x(self, z: Tensor) -> Any:
            return Pixels.x(self, z).base_dist

    fit(Forgetful())


@bad(DeclarationError, "x", ".to_event(")
def to_event_forgotten_where_the_batch_is_as_long_as_a_row(_: Path) -> None:
    class Forgetful(Pixels):
        @ppgen.observed
        def x(self, z: Tensor) -> Any:
            return Pixels.x(self, z).base_dist.to_event(2)  # leaves the channel in the batch shape

    data = {"train": bits(SIDE), "valid": bits(SIDE), "test": bits(SIDE)}
    fit(Forgetful(), data=data, batch_size=SIDE)


@bad(DeclarationError, "z", "batch")
def a_batch_shape_that_is_not_the_plates(_: Path) -> None:
    class Seven(Pixels):
        @ppgen.latent
        def z(self) -> Any:
            return dist.Normal(0.0, 1.0).expand([7, 2]).to_event(1)

    fit(Seven())


@bad(DeclarationError, "z", "EmptyGuide")
def a_guide_without_a_latent(_: Path) -> None:
    fit(guide=EmptyGuide())


@bad(DeclarationError, "w", "StrangerGuide")
def a_guide_with_a_site_that_the_model_has_not(_: Path) -> None:
    fit(guide=StrangerGuide())


@bad(DeclarationError, "u", "non-negative")
def a_guide_with_another_support(_: Path) -> None:
    fit(Rate(), RealGuide(), data=torch.rand(16))


@bad(DeclarationError, "z", "3", "2")
def a_guide_with_another_event_shape(_: Path) -> None:
    fit(guide=WideGuide())


@bad(DeclarationError, "z", "[12, 12]")
def a_guide_with_surplus_batch_dimensions(_: Path) -> None:
    fit(guide=SurplusGuide())


@bad(DeclarationError, "Pixels", "class")
def a_class_instead_of_a_model(_: Path) -> None:
    fit(Pixels)


@bad(DeclarationError, "x", "mat1")
def a_network_of_another_width(_: Path) -> None:
    model = Pixels()
    model.decoder = nn.Linear(5, SIDE * SIDE)
    fit(model)


@bad(DeclarationError, "x", "Tensor")
def a_tensor_instead_of_a_distribution(_: Path) -> None:
    class Plain(Pixels):
        @ppgen.observed
        def x(self, z: Tensor) -> Any:
            return self.decoder(z)

    fit(Plain())


@bad(PpgenError, "decoder")
def weights_that_are_not_finite(_: Path) -> None:
    model = Pixels()
    with torch.no_grad():
        model.decoder.weight[0, 0] = float("nan")
    fit(model)


# Settings -------------------------------------------------------------------------------------------------------------

for name, values in {
    "max_epochs": (0, -1, 1.5),
    "batch_size": (0,),
    "learning_rate": (-1e-3, 0.0, float("nan"), float("inf")),
    "patience": (0,),
    "clip_norm": (-1.0,),
    "seed": ("one",),
}.items():
    for value in values:

        def _set(_: Path, name: str = name, value: Any = value) -> None:
            fit(**{name: value})

        _set.__name__ = f"{name}={value}"
        bad(SettingError, name, str(value))(_set)


@bad(SettingError, "cuda", "cpu")
def cuda_where_there_is_none(_: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    fit(device="cuda")


@bad(SettingError, "tpu9", "cpu")
def a_device_that_torch_does_not_know(_: Path) -> None:
    fit(device="tpu9")


@bad(SettingError, "beta", "-1")
def a_negative_beta(_: Path) -> None:
    ppgen.ELBO(beta=-1.0)


@bad(SettingError, "beta", "nan")
def a_beta_that_is_not_a_number(_: Path) -> None:
    ppgen.ELBO(beta=float("nan"))


@bad(SettingError, "num_particles", "0")
def no_particles_to_train_with(_: Path) -> None:
    ppgen.ELBO(num_particles=0)


@bad(SettingError, "num_particles", "0")
def no_particles_to_evaluate_with(_: Path) -> None:
    fit().log_prob(num_particles=0)


@bad(SettingError, "n ", "0")
def no_samples(_: Path) -> None:
    fit().sample(0)


@bad(SettingError, "Adversarial", "wobbly")
def an_adversarial_loss_misspelt(_: Path) -> None:
    ppgen.Adversarial(loss="wobbly")


@bad(SettingError, "MaximumLikelihood", "z", "ELBO")
def maximum_likelihood_of_a_model_with_latents(_: Path) -> None:
    fit(objective=ppgen.MaximumLikelihood())


@bad(SettingError, "GAN", "implicit", "Adversarial")
def an_elbo_of_a_gan(_: Path) -> None:
    fit(ppgen.models.GAN((1, SIDE, SIDE)), objective=ppgen.ELBO())


@bad(SettingError, "Adversarial", "implicit")
def adversarial_training_of_a_vae(_: Path) -> None:
    fit(objective=ppgen.Adversarial())


@bad(SettingError, "objective", "'elbo'")
def an_objective_by_its_name(_: Path) -> None:
    fit(objective="elbo")


@bad(Unanswerable, "density", "implicit")
def the_density_of_a_gan(_: Path) -> None:
    fit(ppgen.models.GAN((1, SIDE, SIDE))).log_prob()


@bad(SettingError, "vea", "vae")
def a_recipe_misspelt(_: Path) -> None:
    zoo.build("vea")


@bad(SettingError, "latentdim", "latent_dim")
def an_option_of_a_recipe_misspelt(_: Path) -> None:
    zoo.build("vae", bits(), latentdim=3)


@bad(SettingError, "cvae", "labels")
def a_conditional_recipe_for_data_without_labels(_: Path) -> None:
    zoo.build("cvae", bits())


@bad(SettingError, "nothing")
def a_comparison_of_nothing(_: Path) -> None:
    ppgen.compare({})


# Run folders ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, and beside it two checkpoints of its fit."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    torch.manual_seed(0)
    data = ppgen.data.load("digits")
    fit(ppgen.models.VAE((1, 8, 8), latent_dim=2, hidden=(4,)), data=data, out=folder, batch_size=1077)
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


def resume(folder: Path, model: Any = None, **settings: Any) -> None:
    model = ppgen.models.VAE((1, 8, 8), latent_dim=2, hidden=(4,)) if model is None else model
    data = ppgen.data.load("digits")
    fit(model, data=data, **{"out": folder / "run", "resume": True, "batch_size": 1077} | settings)


def newest(folder: Path) -> Path:
    return sorted((folder / "run" / "checkpoint").glob("step-*.pt"))[-1]


def overwrite(folder: Path, name: str, text: str) -> None:
    (folder / "run" / name).write_text(text)


def flip(file: Path, place: float = 0.5) -> None:
    """Change one bit."""
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)


def cut_checkpoint(folder: Path) -> None:
    file = newest(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@bad(CheckpointError, "step-", "damaged", "SHA-256", after=cut_checkpoint)
def a_checkpoint_cut_short(folder: Path) -> None:
    resume(folder)


@bad(CheckpointError, "step-", "damaged", after=lambda folder: newest(folder).write_bytes(b""))
def an_empty_checkpoint(folder: Path) -> None:
    resume(folder)


@bad(CheckpointError, "step-", "damaged", after=lambda folder: flip(newest(folder)))
def a_checkpoint_with_one_bit_changed(folder: Path) -> None:
    resume(folder)


@bad(CheckpointError, "step-", "damaged", after=lambda folder: newest(folder).write_text("weights"))
def a_checkpoint_that_is_text(folder: Path) -> None:
    resume(folder)


@bad(CheckpointError, "step-", "missing", after=lambda folder: newest(folder).unlink())
def a_checkpoint_that_is_gone(folder: Path) -> None:
    resume(folder)


@bad(CheckpointError, "latest.json", "damaged", after=lambda folder: overwrite(folder, "checkpoint/latest.json", "it"))
def a_pointer_to_the_checkpoint_that_is_text(folder: Path) -> None:
    resume(folder)


@bad(CheckpointError, "another model", "latent_dim")
def resuming_the_run_of_another_model(folder: Path) -> None:
    resume(folder, ppgen.models.VAE((1, 8, 8), latent_dim=3, hidden=(4,)))


@bad(CheckpointError, "another learning_rate", "0.5")
def resuming_with_another_setting(folder: Path) -> None:
    resume(folder, learning_rate=0.5)


@bad(SettingError, "resume", "out")
def resuming_without_a_folder(_: Path) -> None:
    fit(resume=True)


@bad(SettingError, "run", "already", "resume")
def a_second_run_into_the_folder_of_a_first(folder: Path) -> None:
    resume(folder, resume=False)


@bad(SettingError, "file")
def a_file_instead_of_a_run_folder(folder: Path) -> None:
    (folder / "taken").write_text("mine")
    fit(out=folder / "taken")


@bad(CheckpointError, "no run here", "run.json")
def loading_a_folder_that_is_no_run(folder: Path) -> None:
    ppgen.load(folder)


@bad(CheckpointError, "run.json", "damaged", after=lambda folder: overwrite(folder, "run.json", '{"model":'))
def loading_a_run_whose_record_is_cut_short(folder: Path) -> None:
    ppgen.load(folder / "run")


@bad(CheckpointError, "run.json", after=lambda folder: overwrite(folder, "run.json", "[]"))
def loading_a_run_whose_record_is_something_else(folder: Path) -> None:
    ppgen.load(folder / "run")


@bad(CheckpointError, "model.safetensors", "damaged", after=lambda folder: overwrite(folder, "model.safetensors", "w"))
def loading_weights_that_are_text(folder: Path) -> None:
    ppgen.load(folder / "run")


@bad(CheckpointError, "model.safetensors", "damaged", after=lambda folder: flip(folder / "run/model.safetensors", 0.9))
def loading_weights_with_one_bit_changed(folder: Path) -> None:
    ppgen.load(folder / "run")


@bad(CheckpointError, "model.safetensors", after=lambda folder: (folder / "run/model.safetensors").unlink())
def loading_a_run_without_weights(folder: Path) -> None:
    ppgen.load(folder / "run")


@bad(CheckpointError, "scores", "ppgen.evaluate")
def comparing_a_run_that_was_never_evaluated(folder: Path) -> None:
    ppgen.compare({"run": folder / "run"})


@bad(CheckpointError, "scores", "damaged", after=lambda folder: overwrite(folder, "scores.json", "{}"))
def comparing_a_run_whose_scores_are_damaged(folder: Path) -> None:
    ppgen.compare({"run": folder / "run"})


# Command line ---------------------------------------------------------------------------------------------------------


@bad(SettingError, "vea", "vae")
def fit_of_a_recipe_misspelt(_: Path) -> None:
    cli("fit", "vea")


@bad(SettingError, "nowhere.py", "no such file")
def fit_of_a_file_that_is_not_there(folder: Path) -> None:
    cli("fit", str(folder / "nowhere.py") + ":Model")


@bad(SettingError, "Ladder", "LadderVAE")
def fit_of_a_class_misspelt(folder: Path) -> None:
    (folder / "own_ladder.py").write_text("import ppgen\nclass LadderVAE(ppgen.Model):\n    pass\n")
    cli("fit", str(folder / "own_ladder.py") + ":Ladder")


@bad(SettingError, "latent_dimm", "latent_dim")
def fit_with_an_argument_misspelt(_: Path) -> None:
    cli("fit", "vae", "--set", "latent_dimm=3")


@bad(SettingError, "latent_dim", "JSON")
def fit_with_an_argument_that_is_code(_: Path) -> None:
    cli("fit", "vae", "--set", "latent_dim=__import__('os').getpid()")


@bad(SettingError, "beta", "MaximumLikelihood")
def fit_of_a_pixelcnn_with_beta(_: Path) -> None:
    cli("fit", "pixelcnn", "--beta", "4")


@bad(SettingError, "mean-feild", "MeanField")
def fit_with_a_guide_misspelt(_: Path) -> None:
    cli("fit", "vae", "--guide", "mean-feild")


@bad(SettingError, "--resume", "--overwrite")
def fit_that_is_to_resume_and_to_overwrite(_: Path) -> None:
    cli("fit", "vae", "--resume", "--overwrite")


@bad(SettingError, "already", "--overwrite")
def fit_into_the_folder_of_another_run(folder: Path) -> None:
    cli("fit", "vae", "--out", str(folder / "run"))


@bad(SettingError, "no run", "other files")
def fit_that_would_overwrite_what_is_no_run(folder: Path) -> None:
    (folder / "letters").mkdir()
    (folder / "letters" / "letter.txt").write_text("Dear Ada")
    cli("fit", "vae", "--overwrite", "--out", str(folder / "letters"))


@bad(CheckpointError, "no run here")
def evaluate_of_a_folder_that_is_no_run(folder: Path) -> None:
    cli("evaluate", str(folder / "nowhere"))


@bad(SettingError, "samples.txt", ".png")
def sample_into_a_file_of_unknown_kind(folder: Path) -> None:
    cli("sample", str(folder / "run"), "-o", str(folder / "samples.txt"))


@bad(SettingError, "y", "not conditional")
def sample_with_a_label_of_a_model_that_has_none(folder: Path) -> None:
    cli("sample", str(folder / "run"), "--given", "y=3", "-o", str(folder / "samples.png"))


# The checks -----------------------------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, str]:
    """Every file under a folder, with a hash of its bytes."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_there_are_at_least_forty_mistakes() -> None:
    assert len(CASES) >= 40
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize(("case", "error", "words", "damage"), CASES)
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


def test_a_full_disk_keeps_the_checkpoint_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(folder / "run" / "checkpoint")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(CheckpointError, match="space") as caught:
            resume(folder, max_epochs=2)
    assert caught.value.got
    assert caught.value.fix
    whole = {name: digest for name, digest in contents(folder / "run" / "checkpoint").items() if name in before}
    assert whole == before
    resume(folder, max_epochs=2)
    assert len(ppgen.load(folder / "run").history) == 2


def test_a_step_that_is_not_finite_changes_no_weight(folder: Path) -> None:
    class Exploding(Pixels):
        """Its third batch has a loss that is not finite."""

        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        @ppgen.observed
        def x(self, z: Tensor) -> Any:
            self.calls += self.training and len(z) == 4
            return Pixels.x(self, z * (float("nan") if self.calls == 3 else 1.0))

    with pytest.raises(DivergenceError) as caught:
        fit(Exploding(), data={"train": bits(), "valid": bits(4), "test": bits(4)}, batch_size=4, out=folder / "nan")
    assert all(torch.isfinite(p).all() for p in caught.value.fit.model.parameters())
    for part in ("what", "expected", "got", "fix"):
        assert getattr(caught.value, part)


# What looks like a mistake and is none --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    [
        bits().numpy(),
        bits().double(),
        bits().bool(),
        bits().to(torch.uint8),
        bits().numpy().astype(">f4"),
        {"x": bits(), "y": labels()},
    ],
    ids=["numpy", "float64", "bool", "uint8 bits", "big-endian", "a covariate that nobody asks for"],
)
def test_harmless_variants_are_taken(x: Any) -> None:
    fitted = fit(data=x)
    assert np.isfinite(fitted.history[-1]["train"]["elbo"])


def test_a_last_batch_of_one_row_passes_batch_normalisation() -> None:
    class Normalised(Pixels):
        def __init__(self) -> None:
            super().__init__()
            self.decoder = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, SIDE * SIDE))

    data = {"train": bits(17), "valid": bits(4), "test": bits(4)}
    fitted = fit(Normalised(), data=data, batch_size=16)
    assert np.isfinite(fitted.history[-1]["train"]["elbo"])
