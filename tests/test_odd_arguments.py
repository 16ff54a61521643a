"""Every argument of public calls given every odd value: an answer, or an error of ours that can be acted on.

No traceback of torch, numpy or Python reaches a user, whatever they hand over, and nothing hangs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ppgen
from ppgen import data, guides, models, nets
from ppgen.errors import PpgenError, SettingError
from tests.oracles.drawn_values import WRONG, kinds
from tests.oracles.odd_values import ODD, Call, replaced

SHAPE = (1, 4, 4)
X = torch.arange(640).reshape(40, *SHAPE).remainder(3).clamp(max=1).float()
LABELLED = data.from_tensors({"x": X, "y": torch.arange(40) % 3})
SMALL: Mapping[str, Any] = {
    "x_shape": SHAPE,
    "event_shape": SHAPE,
    "in_shapes": [(4,)],
    "latent_dim": 2,
    "latent_dims": (3, 2),
    "hidden": (4,),
    "num_classes": 3,
    "num_letters": 3,
    "letter_dim": 3,
    "num_clusters": 3,
    "num_components": 3,
    "num_transforms": 1,
    "num_layers": 1,
    "num": 3,
    "channels": 4,
    "width": 4,
    "x_dim": 4,
    "dim": 2,
    "in_features": 4,
    "out_features": 3,
    "features": 4,
    "scale": 1.0,
}


def vae() -> ppgen.Model:
    return models.VAE(SHAPE, latent_dim=2, hidden=(4,))


def made(kind: Any, *names: str, **others: Any) -> Call:
    return Call(kind, {**{name: SMALL[name] for name in names}, **others})


MAKERS = {
    "GAN": made(models.GAN, "x_shape", "latent_dim", "hidden"),
    "VAE": made(models.VAE, "x_shape", "latent_dim", "hidden"),
    "Autoencoder": made(models.Autoencoder, "x_shape", "latent_dim", "hidden", "scale"),
    "BayesianLogisticRegression": made(models.BayesianLogisticRegression, "x_dim", "num_classes", "scale"),
    "ConditionalVAE": made(models.ConditionalVAE, "x_shape", "num_classes", "latent_dim", "hidden"),
    "DeepMarkovModel": made(models.DeepMarkovModel, "latent_dim", x_shape=(3, 2), hidden=4),
    "DiscreteVAE": made(models.DiscreteVAE, "x_shape", "num_letters", "letter_dim", "hidden"),
    "FactorAnalysis": made(models.FactorAnalysis, "x_dim", "latent_dim"),
    "FlowPriorVAE": made(models.FlowPriorVAE, "x_shape", "latent_dim", "hidden", width=4),
    "HierarchicalVAE": made(models.HierarchicalVAE, "x_shape", "latent_dims", "width", "hidden"),
    "MaskedVAE": made(models.MaskedVAE, "x_shape", "latent_dim", "width", "hidden"),
    "MixtureVAE": made(models.MixtureVAE, "x_shape", "num_clusters", "latent_dim", "hidden"),
    "GatedPixelCNN": made(models.GatedPixelCNN, "x_shape", hidden=4),
    "PixelCNN": made(models.PixelCNN, "x_shape", hidden=4),
    "FullyVisibleBeliefNetwork": made(models.FullyVisibleBeliefNetwork, "x_shape"),
    "MADE": made(models.MADE, "x_shape", "hidden", num_masks=2, order="random", direct=True, num_components=0, seed=0),
    "PixelCNNPlusPlus": made(models.PixelCNNPlusPlus, "x_shape", hidden=4, num_blocks=1),
    "MLP": made(nets.MLP, "in_features", "out_features", "hidden"),
    "Gaussian": made(nets.Gaussian, "dim", body=nets.MLP(4, 4), num_features=4),
    "PseudoInputs": made(nets.PseudoInputs, "num", "x_shape"),
    "SequenceEncoder": made(nets.SequenceEncoder, "out_features", event_shape=(5, 3), hidden=4),
    "MeanField": Call(guides.MeanField, {"model": vae(), "encoder": None, "width": 4}, ("model", "width")),
}


@pytest.fixture(scope="module")
def fit() -> ppgen.Fit:
    torch.manual_seed(0)
    return ppgen.fit(vae(), X, max_epochs=1, progress=False, device="cpu")


QUESTIONS = {
    "elbo": {"num_particles": 1, "seed": 0},
    "log_prob": {"num_particles": 2, "seed": 0},
    "log_weights": {"num_particles": 2, "seed": 0},
    "sample": {"n": 2, "site": None, "seed": 0, "mean": False, "temperature": 1.0, "progress": False},
    "decode": {"latents": torch.zeros(2, 2), "site": None, "seed": 0},
    "encode": {"data": None, "site": None, "seed": 0},
    "posterior": {"num_draws": 2, "seed": 0},
    "to": {"device": "cpu"},
    "unanswerable": {"question": "density"},
}
DATA = {
    "from_tensors": Call(data.from_tensors, {"tensors": X, "valid": 0.1, "test": 0.1, "seed": 0, "name": "t"}),
    "augmented": Call(
        data.augmented,
        {"dataset": LABELLED, "copies": 1, "shift": 1.0, "turn": 1.0, "scale": 0.1, "mirror": True, "seed": 0},
    ),
    "mutated": Call(data.mutated, {"dataset": LABELLED, "rate": 0.1, "seed": 0}),
    "quadrants": Call(data.quadrants, {"dataset": LABELLED, "observed": 1}),
    "partial_labels": Call(data.partial_labels, {"dataset": LABELLED, "per_class": 1, "seed": 0, "key": "y"}),
    "attributes": Call(data.attributes, {"dataset": LABELLED, "columns": ["y"], "key": "z"}),
    "as_batch": Call(data.as_batch, {"data": X, "like": None}),
    "load": Call(data.load, {"name": "digits", "seed": 0, "steps": (), "dequantize": False}),
}


def faults(call: Call) -> list[str]:
    """What went wrong where an argument was odd: errors that are none of ours, and texts without a part."""
    found = []
    for argument, oddity, arguments in replaced(call):
        try:
            call.function(**arguments)
        except PpgenError as error:
            missing = [part for part in ("what", "expected", "got", "fix") if not getattr(error, part)]
            if missing or len(str(error)) > 1500:
                found.append(f"{argument} = {oddity}: no {missing}, {len(str(error))} characters: {error.what[:80]}")
        except Exception as error:
            found.append(f"{argument} = {oddity}: {type(error).__name__}: {str(error)[:80]}")
    return found


@pytest.mark.parametrize("name", MAKERS)
def test_no_odd_argument_of_a_model_or_network_reaches_torch(name: str) -> None:
    call = MAKERS[name]
    call.function(**call.right)
    assert not faults(call)


@pytest.mark.parametrize("name", DATA)
def test_no_odd_argument_of_a_data_function_ends_in_a_traceback(name: str) -> None:
    DATA[name].function(**DATA[name].right)
    assert not faults(DATA[name])


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_odd_argument_of_a_question_ends_in_a_traceback(name: str, fit: ppgen.Fit) -> None:
    call = Call(partial(getattr(fit, name)), QUESTIONS[name])
    call.function(**call.right)
    assert not faults(call)


DRAWN = [(name, call, *kind) for name, call in {**MAKERS, **DATA}.items() for kind in kinds(call)]
ASKED = [(name, kind) for name, right in QUESTIONS.items() for kind in kinds(Call(getattr(ppgen.Fit, name), right))]


def refused(call: Call, argument: str, value: Any) -> None:
    """An error of ours with its four parts, that names the argument."""
    with pytest.raises(PpgenError) as caught:
        call.function(**{**call.right, argument: value})
    error = caught.value
    assert argument in error.what
    assert error.expected
    assert error.got
    assert error.fix
    assert len(str(error)) < 1500


@given(st.data())
def test_whatever_an_annotation_excludes_is_refused(draws: st.DataObject) -> None:
    """Any argument of any model, network or data function, and any value that is not of its kind."""
    _, call, argument, kind = draws.draw(st.sampled_from(DRAWN))
    refused(call, argument, draws.draw(WRONG[kind]))


@given(draws=st.data())
def test_whatever_a_question_excludes_is_refused(draws: st.DataObject, fit: ppgen.Fit) -> None:
    name, (argument, kind) = draws.draw(st.sampled_from(ASKED))
    refused(Call(getattr(fit, name), QUESTIONS[name]), argument, draws.draw(WRONG[kind]))


def test_settings_of_a_fit_are_checked_before_it_begins() -> None:
    right = {"max_epochs": 1, "batch_size": 8, "seed": 0, "device": "cpu", "resume": False, "clip_norm": 1.0}
    taken = {("seed", "zero"), ("seed", "a trillion"), ("clip_norm", "a fraction"), ("clip_norm", "none")}
    taken |= {
        ("max_epochs", "none"),
        ("batch_size", "none"),
        ("resume", "true"),
        ("clip_norm", "a trillion"),
        ("clip_norm", "beyond int64"),
    }
    for argument in right:
        for oddity, value in ODD.items():
            if (argument, oddity) not in taken:
                with pytest.raises(PpgenError):
                    ppgen.fit(vae(), X, progress=False, **{**right, argument: value})


@pytest.mark.parametrize("out", ["", "a\0b", "a" * 5000, 3, b"x", [], "/etc/hostname", "/proc/nowhere/x"])
def test_a_folder_that_cannot_hold_a_run_is_refused(out: Any) -> None:
    with pytest.raises(PpgenError):
        ppgen.fit(vae(), X, max_epochs=1, progress=False, out=out)


def test_a_fit_inside_no_grad_or_a_handler_is_refused(fit: ppgen.Fit) -> None:
    import pyro

    with torch.no_grad(), pytest.raises(SettingError, match="gradients are switched off"):
        ppgen.fit(vae(), X, max_epochs=1, progress=False)
    with torch.inference_mode(), pytest.raises(SettingError, match="inference_mode"):
        ppgen.fit(vae(), X, max_epochs=1, progress=False)
    with pyro.plate("rows", 3), pytest.raises(SettingError, match="handlers of Pyro"):
        ppgen.fit(vae(), X, max_epochs=1, progress=False)
    with pyro.poutine.scale(scale=2.0), pytest.raises(SettingError, match="ScaleMessenger"):
        fit.elbo()


def test_networks_before_the_modules_own_init_are_named() -> None:
    class Early(ppgen.Model):
        def __init__(self) -> None:
            self.decoder = torch.nn.Linear(2, 2)

    with pytest.raises(ppgen.errors.DeclarationError, match=r"(?s)Early.decoder.*super\(\).__init__\(\)"):
        Early()


def test_what_no_memory_holds_is_refused_at_once(fit: ppgen.Fit) -> None:
    for ask in (partial(fit.sample, 2**31 - 1), partial(fit.log_weights, num_particles=2**31 - 1)):
        with pytest.raises(SettingError, match="more than this machine can hold"):
            ask()


def test_unknown_and_missing_arguments_are_named(fit: ppgen.Fit) -> None:
    with pytest.raises(SettingError, match=r"(?s)VAE: missing.*x_shape.*fix: VAE\(x_shape=\.\.\.\)"):
        models.VAE()  # type: ignore[call-arg]
    with pytest.raises(SettingError, match="unexpected keyword argument 'sed'"):
        fit.elbo(sed=1)  # type: ignore[call-arg]


def test_more_layers_than_anyone_has_are_refused_at_once() -> None:
    with pytest.raises(SettingError, match=r"(?s)VAE: hidden.*at most 1000 whole numbers.*a list"):
        models.VAE(SHAPE, hidden=[8] * 10**6)
