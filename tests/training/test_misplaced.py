"""Misplaced arguments of `ppgen.fit`: each refusal carries the call as it should have been written."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch

import ppgen
from ppgen.errors import SettingError
from ppgen.guides import FullRank, MeanField
from ppgen.models import VAE
from ppgen.training.misplaced import ELSEWHERE

X = torch.arange(80).reshape(20, 4).remainder(2).float()


class Point(ppgen.Guide):
    """A guide that is written, not derived."""


def vae() -> VAE:
    torch.manual_seed(0)
    return VAE((4,), 2, hidden=(4,))


def nothing(*_: Any, **__: Any) -> None:
    """A Pyro function."""


fit: Callable[..., Any] = ppgen.fit  # so that a type checker lets the mistakes pass

CALLS: dict[str, tuple[Callable[[VAE], Any], str, str]] = {
    "a guide, then data": (
        lambda m: fit(m, MeanField(m), "digits"),
        "a guide in second place",
        'ppgen.fit(model, "digits", guide=MeanField(model))',
    ),
    "a guide, and data by name": (
        lambda m: fit(m, FullRank(m), data=X, max_epochs=3),
        "a guide in second place",
        "ppgen.fit(model, data, guide=FullRank(model), max_epochs=3)",
    ),
    "the class of a guide": (
        lambda m: fit(m, MeanField, X),
        "a guide in second place",
        "ppgen.fit(model, data, guide=MeanField(model))",
    ),
    "a guide of one's own": (
        lambda m: fit(m, Point(), X),
        "a guide in second place",
        "ppgen.fit(model, data, guide=Point(...))",
    ),
    "a guide after data": (
        lambda m: fit(m, X, MeanField(m)),
        "a guide in third place",
        "ppgen.fit(model, data, guide=MeanField(model))",
    ),
    "no guide, then data and objective": (
        lambda m: fit(m, None, "digits", ppgen.ELBO()),
        "no guide in second place",
        'ppgen.fit(model, "digits", objective=ELBO(...))',
    ),
    "an objective": (
        lambda m: fit(m, ppgen.ELBO()),
        "an objective in second place",
        "ppgen.fit(model, data, objective=ELBO(...))",
    ),
    "a guide as data": (
        lambda m: fit(m, data=MeanField(m)),
        "a guide in second place",
        "ppgen.fit(model, data, guide=MeanField(model))",
    ),
    "a function as guide": (
        lambda m: fit(m, nothing, X),
        "a guide in second place",
        "ppgen.fit(model, data, guide=nothing)",
    ),
    "a model alone": (lambda m: fit(m), "no data", "ppgen.fit(model, data)"),
    "no data, but settings": (
        lambda m: fit(m, max_epochs=3, guide=MeanField(m)),
        "no data",
        "ppgen.fit(model, data, max_epochs=3, guide=guide)",
    ),
    "data that are None": (lambda m: fit(m, None), "no data", "ppgen.fit(model, data)"),
    "nothing": (lambda m: fit(), "the model is not in first place", "ppgen.fit(model, data)"),
    "data, then a model": (lambda m: fit(X, m), "the model is not in first place", "ppgen.fit(model, data)"),
    "a model twice": (lambda m: fit(X, model=m), "the model is not in first place", "ppgen.fit(model, data)"),
    "data twice": (lambda m: fit(m, X, data=X), "a third argument in third place", "ppgen.fit(model, data)"),
    "a number after data": (
        lambda m: fit(m, "digits", 5),
        "a third argument in third place",
        'ppgen.fit(model, "digits")',
    ),
    "a setting as torch calls it": (lambda m: fit(m, X, lr=1e-3), "'lr'", "learning_rate=0.001"),
    "a setting as others call it": (lambda m: fit(m, X, random_state=3), "'random_state'", "seed=3"),
    "a setting cut short": (lambda m: fit(m, X, opt="sgd"), "'opt'", 'optimizer="sgd"'),
    "a setting in the singular": (lambda m: fit(m, X, callback=3), "'callback'", "callbacks=3"),
    "a setting misspelt": (lambda m: fit(m, X, epochs=3), "'epochs'", "max_epochs=3"),
    "a setting that is not known": (lambda m: fit(m, X, zeal=3), "'zeal'", "leave zeal out"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_misplaced_argument_is_refused_with_the_call_rewritten(name: str) -> None:
    call, what, fix = CALLS[name]
    with pytest.raises(SettingError) as caught:
        call(vae())
    assert what in caught.value.what
    assert caught.value.fix == fix


def test_a_surplus_argument_is_shown() -> None:
    for surplus, shown in ((5, "5"), ("mnist", '"mnist"'), (X, "a Tensor")):
        with pytest.raises(SettingError) as caught:
            fit(vae(), "digits", surplus)
        assert caught.value.got == f"a model, data, {shown}"


def test_names_from_elsewhere_lead_to_arguments_that_there_are() -> None:
    assert set(ELSEWHERE.values()) <= set(inspect.signature(ppgen.fit).parameters)
    assert not set(ELSEWHERE) & set(inspect.signature(ppgen.fit).parameters)


def test_python_and_type_checkers_see_the_signature_of_fit() -> None:
    parameters = inspect.signature(ppgen.fit).parameters
    assert [*parameters][:4] == ["model", "data", "guide", "objective"]
    assert parameters["data"].default is inspect.Parameter.empty
    assert {p.kind for p in parameters.values()} == {
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    }


@pytest.mark.parametrize("data", [X, X.numpy(), {"x": X}, ppgen.data.from_tensors(X)], ids=lambda d: type(d).__name__)
def test_data_come_second(data: Any) -> None:
    fit = ppgen.fit(vae(), data, max_epochs=1, progress=False, device="cpu")
    assert {fit.data.splits[name]["x"].shape[1:] for name in fit.data.splits} == {(4,)}
