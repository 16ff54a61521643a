"""What is handed over as a model or guide and is none: named, with the way to what was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.distributions import Distribution

from ppgen.declare.guide import Guide, ModelGuide
from ppgen.declare.model import Model
from ppgen.declare.parameters import ProgramModule
from ppgen.declare.program import Program, ProgramPart, wrapped_in
from ppgen.errors import DeclarationError

__all__ = ["verify_guide", "verify_model"]

_INSTANCE = {"model": "model=ppgen.models.VAE(x_shape=...)", "guide": "guide=ppgen.guides.MeanField(model)"}


def verify_model(where: str, model: Any) -> None:
    """Refuse what is no model: neither declared, nor the model of a :class:`~ppgen.Program`.

    Args:
        where: the call, for the message.
        model: what was given.

    Raises:
        DeclarationError: with what it is, and what to give instead.
    """
    if not isinstance(model, (Model, ProgramPart)):
        got, fix = _describe(model, "model")
        raise DeclarationError(
            f"{where}: this is no model",
            expected="an instance of a ppgen.Model subclass, or a ppgen.Program",
            got=got,
            fix=fix,
            code="M033",
        )
    _verify_declared(where, model, "@ppgen.observed def x(self): return dist.Normal(...).to_event(1)")


def verify_guide(where: str, guide: Any, model: Any) -> None:
    """Refuse what is no guide, or one that was made for another model.

    Args:
        where: the call, for the message.
        guide: what was given.
        model: that it is to guide.

    Raises:
        DeclarationError: with what it is, and what to give instead.
    """
    if not isinstance(guide, ProgramModule) or isinstance(guide, Model):
        got, fix = _describe(guide, "guide")
        raise DeclarationError(
            f"{where}: this is no guide",
            expected="a ppgen.Guide, or one derived: ppgen.guides.MeanField(model)",
            got=got,
            fix=fix,
            code="M034",
        )
    _verify_declared(where, guide, "@ppgen.latent def z(self, x): return dist.Normal(...).to_event(1)")
    if isinstance(guide, ModelGuide) and guide.model is not model:
        name, own = type(guide).__name__, type(guide.model).__name__
        raise DeclarationError(
            f"{where}: this guide was made for another model",
            expected=f"a guide of this {type(model).__name__}",
            got=f"{name} of {'another ' if own == type(model).__name__ else ''}{own}",
            fix=f"{name}(model), with the model that is passed",
            code="M035",
        )


def _verify_declared(where: str, program: ProgramModule, site: str) -> None:
    """Refuse a declared program that was not initialised, or has nothing to draw."""
    name = type(program).__name__
    if "_parameters" not in vars(program):
        raise DeclarationError(
            f"{where}: {name} was never initialised as a torch module",
            expected="__init__ that begins with super().__init__()",
            got="no parameters() to look for",
            fix="def __init__(self, ...): super().__init__(); ...",
            code="M036",
        )
    if program.is_declared and not program.sites:
        raise DeclarationError(
            f"{where}: {name} declares no random variable",
            expected="a method for each, marked @ppgen.latent, @ppgen.observed or @ppgen.implicit",
            got="no site",
            fix=site,
            code="M037",
        )


def _describe(given: Any, role: str) -> tuple[str, str]:
    """What was given instead of a model or guide, in words, and how to give the right thing."""
    name = given.__name__ if isinstance(given, type) else type(given).__name__
    if isinstance(given, type):
        return f"the class {name} itself", f"{name}(...)"
    if isinstance(given, Program):
        return "a ppgen.Program, which holds a model and a guide", "ppgen.fit(program, data), without a guide"
    if isinstance(given, (Guide, ModelGuide)):
        return f"the guide {name}", f"ppgen.fit(model, data, guide={name}(...))"
    if isinstance(given, Model):
        return f"the model {name}", _INSTANCE[role]
    if inside := wrapped_in(given):
        return (
            f"{name} around {type(getattr(given, inside)).__name__}, which hides its sites",
            f"pass what is inside: {role}.{inside}",
        )
    if isinstance(given, torch.jit.ScriptModule):
        return f"the scripted module {name}, which hides its sites", "pass the module that it was made from"
    pair = f"ppgen.Program({'module' if role == 'model' else 'model'}, {'guide' if role == 'model' else 'module'})"
    if isinstance(given, nn.Module):
        return f"the module {name}, which has no sites", f"class {name}(ppgen.{role.capitalize()}), or {pair}"
    if isinstance(given, Distribution):
        return f"the distribution {name}", f"a ppgen.{role.capitalize()} with a method that returns it"
    if isinstance(given, str):
        return f"the text {given!r}", _INSTANCE[role]
    if isinstance(given, (Mapping, Sequence)):
        return f"a {name}", f"pass one {role} a call, and its data by data=..."
    if hasattr(given, "model") and hasattr(given, "guide"):
        return f"a {name}, which holds a model and a guide", f"pass its {role}: .{role}"
    if callable(given):
        function = getattr(given, "__name__", name)
        return f"the function {function}", pair.replace("module", "function" if function == "<lambda>" else function)
    return f"{name}: {given!r}"[:100], _INSTANCE[role]
