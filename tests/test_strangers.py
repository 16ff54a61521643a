"""Wrapped, forgotten and foreign models and guides: each refused by name, with the way to what was meant."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoNormal
from pyro.nn import PyroModule
from torch import Tensor, nn

import ppgen
from ppgen.errors import DeclarationError, SettingError
from ppgen.guides import Clustered, Delta, Flow, FullRank, MeanField, Refined, Structured
from ppgen.models import VAE, GatedPixelCNN

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

X = torch.bernoulli(torch.full((6, 4), 0.5), generator=torch.Generator().manual_seed(0))


class Encoder(ppgen.Guide):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 2)

    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(self.net(x), 1.0).to_event(1)


class Elsewhere(ppgen.Guide):
    @ppgen.latent
    def code(self, x: Tensor) -> Any:
        return dist.Normal(x[:, :2], 1.0).to_event(1)


class Forgetful(ppgen.Model):
    def __init__(self) -> None:
        self.scale = 1.0

    @ppgen.observed
    def x(self) -> Any:
        return dist.Normal(torch.zeros(4), self.scale).to_event(1)


class ForgetfulGuide(ppgen.Guide):
    def __init__(self) -> None:
        self.scale = 1.0

    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(x[:, :2], self.scale).to_event(1)


class Nothing(ppgen.Model):
    pass


class NothingGuide(ppgen.Guide):
    pass


class Compiled(nn.Module):
    """What ``torch.compile`` returns, without its second of imports: it hands every name on to what is inside."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._orig_mod = module

    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(name) if name == "_orig_mod" else getattr(self._orig_mod, name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._orig_mod(*args, **kwargs)


class Distributed(nn.Module):
    """As ``DistributedDataParallel`` is, which needs a process group."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


class Hidden(PyroModule):
    def forward(self, x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Bernoulli(0.5).expand([4]).to_event(1), obs=x)


def vae() -> VAE:
    return VAE((4,), 2, hidden=(4,))


def function(x: Tensor) -> None:
    """A Pyro program."""
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Bernoulli(0.5).expand([4]).to_event(1), obs=x)


def program() -> ppgen.Program:
    return ppgen.Program(function)


def fitted() -> Any:
    return SimpleNamespace(model=vae(), guide=None, objective=None)


# What was given, a word of what the message names, and a word of the fix.
MODELS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "DataParallel": (lambda: nn.DataParallel(vae()), "DataParallel around VAE", "model.module"),
    "distributed": (lambda: Distributed(vae()), "Distributed around VAE", "model.module"),
    "compiled": (lambda: Compiled(vae()), "Compiled around VAE", "model._orig_mod"),
    "wrapped twice": (lambda: Distributed(Compiled(vae())), "Distributed around Compiled", "model.module"),
    "wrapped guide": (lambda: Distributed(Encoder()), "Distributed around Encoder", "model.module"),
    "module": (lambda: nn.Linear(4, 4), "the module Linear", "class Linear(ppgen.Model), or ppgen.Program"),
    "sequential": (lambda: nn.Sequential(vae()), "the module Sequential", "ppgen.Program"),
    "list of modules": (lambda: nn.ModuleList([vae()]), "the module ModuleList", "ppgen.Program"),
    "pyro module": (Hidden, "the module Hidden", "ppgen.Program(module, guide)"),
    "scripted": (lambda: torch.jit.script(nn.Linear(4, 4)), "scripted module", "module that it was made from"),
    "guide": (Encoder, "the guide Encoder", "guide=Encoder(...)"),
    "derived guide": (lambda: MeanField(vae()), "the guide MeanField", "guide=MeanField(...)"),
    "class": (lambda: VAE, "the class VAE itself", "VAE(...)"),
    "guide class": (lambda: Encoder, "the class Encoder itself", "Encoder(...)"),
    "fit": (fitted, "holds a model and a guide", ".model"),
    "distribution": (lambda: dist.Normal(0.0, 1.0), "the distribution Normal", "method that returns it"),
    "nothing": (lambda: None, "NoneType: None", "ppgen.models"),
    "name": (lambda: "vae", "the text 'vae'", "ppgen.models"),
    "number": (lambda: 3, "int: 3", "ppgen.models"),
    "dict": (lambda: {"vae": vae()}, "a dict", "one model a call"),
    "list": (lambda: [vae(), vae()], "a list", "one model a call"),
    "tuple": (lambda: (vae(), Encoder()), "a tuple", "one model a call"),
    "data": (lambda: X, "Tensor: tensor", "ppgen.models"),
    "function": (lambda: function, "the function function", "ppgen.Program(function, guide)"),
    "lambda": (lambda: lambda x: None, "the function <lambda>", "ppgen.Program(function, guide)"),
    "handler": (lambda: pyro.poutine.block(vae()), "the function", "ppgen.Program"),
    "forgetful": (Forgetful, "Forgetful was never initialised", "super().__init__()"),
    "without sites": (Nothing, "Nothing declares no random variable", "@ppgen.observed"),
}

GUIDES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "DataParallel": (lambda: nn.DataParallel(Encoder()), "DataParallel around Encoder", "guide.module"),
    "distributed": (lambda: Distributed(Encoder()), "Distributed around Encoder", "guide.module"),
    "compiled": (lambda: Compiled(Encoder()), "Compiled around Encoder", "guide._orig_mod"),
    "module": (
        lambda: nn.Linear(4, 2),
        "the module Linear",
        "class Linear(ppgen.Guide), or ppgen.Program(model, module)",
    ),
    "sequential": (lambda: nn.Sequential(Encoder()), "the module Sequential", "ppgen.Program"),
    "pyro module": (Hidden, "the module Hidden", "ppgen.Program(model, module)"),
    "scripted": (lambda: torch.jit.script(nn.Linear(4, 4)), "scripted module", "module that it was made from"),
    "model": (vae, "the model VAE", "ppgen.guides.MeanField(model)"),
    "program": (program, "a ppgen.Program", "ppgen.fit(program, data)"),
    "of another model": (lambda: MeanField(vae()), "MeanField of another VAE", "MeanField(model)"),
    "refined, of another model": (lambda: Refined(MeanField(vae())), "Refined of another VAE", "Refined(model)"),
    "fit": (fitted, "holds a model and a guide", ".guide"),
    "distribution": (lambda: dist.Normal(0.0, 1.0), "the distribution Normal", "method that returns it"),
    "name": (lambda: "MeanField", "the text 'MeanField'", "ppgen.guides.MeanField(model)"),
    "number": (lambda: 3, "int: 3", "ppgen.guides.MeanField(model)"),
    "dict": (lambda: {"z": Encoder()}, "a dict", "one guide a call"),
    "list": (lambda: [Encoder()], "a list", "one guide a call"),
    "function": (lambda: function, "the function function", "ppgen.Program(model, function)"),
    "lambda": (lambda: lambda x: None, "the function <lambda>", "ppgen.Program(model, function)"),
    "forgetful": (ForgetfulGuide, "ForgetfulGuide was never initialised", "super().__init__()"),
    "without sites": (NothingGuide, "NothingGuide declares no random variable", "@ppgen.latent"),
    "with other sites": (Elsewhere, "no site for the latent variable 'z' of VAE", "rename 'code' to 'z'"),
}

PROGRAMS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "program": (lambda: ppgen.Program(program()), "a Program, which is a program already", "ppgen.fit(program, data)"),
    "part": (lambda: ppgen.Program(program().model), "a ProgramPart, which is", "ppgen.fit(program, data)"),
    "DataParallel": (lambda: ppgen.Program(nn.DataParallel(Hidden())), "DataParallel around Hidden", "module.module"),
    "wrapped guide": (lambda: ppgen.Program(function, Distributed(Hidden())), "Distributed around", "module.module"),
    "scripted": (lambda: ppgen.Program(torch.jit.script(nn.Linear(4, 4))), "a scripted module", "made from"),
    "class": (lambda: ppgen.Program(Hidden), "the class Hidden", "Hidden(...)"),
    "guide first": (lambda: ppgen.Program(Encoder()), "Encoder stands in the model's place", "Program(model, guide)"),
    "model last": (lambda: ppgen.Program(function, vae()), "VAE stands in the guide's place", "Program(model, guide)"),
    "distribution": (lambda: ppgen.Program(dist.Normal(0.0, 1.0)), "Normal", "ppgen.Program(model, guide)"),
    "nothing": (lambda: ppgen.Program(None), "NoneType", "ppgen.Program(model, guide)"),
    "name": (lambda: ppgen.Program("model"), "str", "ppgen.Program(model, guide)"),
}


def refused(call: Callable[[], Any], named: str, fix: str) -> None:
    with pytest.raises((DeclarationError, SettingError)) as caught:
        call()
    assert named in str(caught.value)
    assert fix in str(caught.value.fix)


@pytest.mark.parametrize("name", list(MODELS))
def test_what_is_no_model(name: str) -> None:
    make, named, fix = MODELS[name]
    for guide in (None, Encoder()):
        refused(lambda guide=guide: ppgen.fit(make(), data={"x": X}, guide=guide, progress=False), named, fix)
        refused(lambda guide=guide: ppgen.check(make(), guide, {"x": X}), named, fix)
    for family in (MeanField, FullRank, Delta, Structured, Flow):
        refused(lambda family=family: family(make()), named, fix)


@pytest.mark.parametrize("name", list(GUIDES))
def test_what_is_no_guide(name: str) -> None:
    make, named, fix = GUIDES[name]
    refused(lambda: ppgen.fit(vae(), data={"x": X}, guide=make(), progress=False), named, fix)
    refused(lambda: ppgen.check(vae(), make(), {"x": X}), named, fix)


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_what_is_no_program(name: str) -> None:
    refused(*PROGRAMS[name])


@pytest.mark.parametrize("make", [program, lambda: program().model])
def test_no_guide_is_derived_from_a_hand_written_program(make: Callable[[], Any]) -> None:
    refused(lambda: MeanField(make()), "MeanField", "ppgen.")


def test_a_class_of_guides_stands_for_one_of_the_model() -> None:
    assert type(ppgen.fit(vae(), data={"x": X}, guide=FullRank, max_epochs=1, progress=False).guide) is FullRank
    refused(lambda: ppgen.check(vae(), FullRank, {"x": X}), "the class FullRank itself", "FullRank(...)")
    for other in (Clustered, ppgen.guides.DerivedGuide, VAE, AutoNormal, nn.Linear, int):
        words = f"the class {other.__name__} itself", f"{other.__name__}(...)"
        refused(lambda other=other: ppgen.fit(vae(), data={"x": X}, guide=other, progress=False), *words)


def test_a_model_without_latents_has_no_guide() -> None:
    model = GatedPixelCNN((1, 4, 4), 2, 1)
    data = {"x": X.reshape(-1, 1, 2, 2).repeat(1, 1, 2, 2)}
    refused(lambda: MeanField(model), "no latent variables", "leave the guide out")
    refused(lambda: ppgen.fit(model, data=data, guide=Encoder(), progress=False), "z", "")


def test_pyros_automatic_guides_fit_declared_models_and_leave_no_global_parameter() -> None:
    class Mean(ppgen.Model):
        @ppgen.latent(local=False)
        def w(self) -> Any:
            return dist.Normal(0.0, 1.0)

        @ppgen.observed
        def x(self, w: Tensor) -> Any:
            return dist.Normal(w, 1.0).expand([4]).to_event(1)

    pyro.clear_param_store()
    model = Mean()
    guide = AutoNormal(model)
    ppgen.check(model, guide, {"x": X})
    found = ppgen.fit(model, data={"x": X}, guide=guide, max_epochs=2, progress=False)
    assert found.elbo().value < 0
    assert [tensor.numel() for tensor in found.guide.parameters()] == [1, 1]
    assert not pyro.get_param_store().keys()


def test_a_declared_model_may_have_a_hand_written_guide() -> None:
    def guide(batch: dict[str, Tensor], size: int) -> None:
        loc = pyro.param("loc", torch.zeros(2))
        with pyro.plate("data", size, subsample_size=len(batch["x"])):
            pyro.sample("z", dist.Normal(loc, 1.0).to_event(1))

    found = ppgen.fit(ppgen.Program(vae(), guide), data={"x": X}, max_epochs=1, progress=False)
    assert found.elbo().kind == "lower bound"
