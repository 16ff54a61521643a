"""Values of all latents of a model, each placed by a rule that sees its distribution given those placed before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyro
import torch
from pyro.infer.inspect import get_dependencies
from pyro.poutine.messenger import Messenger
from torch import Tensor

from ppgen.context import evaluating, preserved_state, seeded, validation
from ppgen.declare import ProgramModule, ProgramPart, label_of
from ppgen.errors import Unanswerable
from ppgen.inference.posterior import closed_mean

__all__ = ["Rule", "at", "descendants", "place_latents"]

_DRAWS = 16

Rule = Callable[[Any, slice], Tensor]
"""From a latent's distribution, given what stands above it, and the rows of this piece, to its value there."""

_ROWS = 512


def at(value: Tensor) -> Rule:
    """The rule of a latent whose values are known, [rows, *event]."""
    return lambda fn, part: value[part]


def place_latents(
    model: ProgramModule,
    batch: Mapping[str, Tensor],
    rows: int,
    rules: Mapping[str, Rule],
    *,
    fixed: Mapping[str, Tensor],
    seed: int,
    device: torch.device,
) -> dict[str, Tensor]:
    """A value for every local latent, from the top down: what its rule says, else the mean of p(z | its parents).

    Args:
        model: the model.
        batch: covariates and placeholders, [rows, ...] each.
        rows: how many.
        rules: by latent.
        fixed: values of global latents, [*event] each.
        seed: of what rules draw, and of means that have no closed form.
        device: where the model is.

    Returns:
        [rows, *event] by local latent.

    Raises:
        Unanswerable: if a rule leaves what the latent's distribution allows.
    """
    pieces: list[dict[str, Tensor]] = []
    with seeded(seed, device), evaluating(model), validation(True):
        for start in range(0, rows, _ROWS):
            part = slice(start, min(start + _ROWS, rows))
            placing = _Placing(model, part, rules, device)
            with pyro.poutine.condition(data=dict(fixed)), placing:
                model({key: value[part] for key, value in batch.items()}, part.stop - part.start)
            pieces.append(placing.placed)
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


class _Placing(Messenger):
    """Gives each local latent its value, and the data zeros, so that nothing of them is drawn."""

    def __init__(self, model: ProgramModule, part: slice, rules: Mapping[str, Rule], device: torch.device) -> None:
        super().__init__()
        self.model, self.part, self.rules, self.device = model, part, rules, device
        self.placed: dict[str, Tensor] = {}

    def _pyro_sample(self, msg: Any) -> None:
        site = self.model.sites.get(msg["name"])
        if site is None or msg["value"] is not None:
            return
        fn = msg["fn"]
        if site.role != "latent":
            msg["value"] = torch.zeros(fn.shape(), device=self.device)
        elif site.local:
            rule = self.rules.get(site.name)
            value = _center(fn, fn.shape()) if rule is None else rule(fn, self.part)
            if not bool(fn.support.check(value).all()):
                raise _outside(self.model, site.name, fn)
            self.placed[site.name] = msg["value"] = value


def descendants(model: ProgramModule, batch: Mapping[str, Tensor], rows: int, site: str) -> list[str]:
    """The latents whose distribution depends on a latent, at first or at second hand, in the model's order.

    A declaration names the parents of each site; those of a hand-written program are found by a run of it.

    Args:
        model: the model.
        batch: covariates and placeholders, [rows, ...] each.
        rows: how many.
        site: the latent.
    """
    parents: dict[str, set[str]] = {name: set(known.parents) for name, known in model.sites.items()}
    if isinstance(model, ProgramPart):
        with preserved_state(model):
            found: Any = get_dependencies(model, model_args=(dict(batch), rows))["prior_dependencies"]
        parents = {name: set(found.get(name, ())) for name in model.sites}
    below = {site}
    for name in model.sites:
        if (parents[name] - {name}) & below:
            below.add(name)
    return [name for name in model.sites if name in below - {site} and model.sites[name].role == "latent"]


def _outside(model: ProgramModule, name: str, fn: Any) -> Unanswerable:
    return Unanswerable(
        f"the walk takes {name} of {label_of(model)} out of what its distribution allows",
        expected=f"values in {fn.support}",
        got="a value that such a walk moves by one number alone, or along a line",
        fix="walk another latent, or decode values of your own: fit.decode({...})",
        code=None,
    )


def _center(fn: Any, shape: tuple[int, ...]) -> Tensor:
    """The mean of a distribution; of a few draws where it has no closed form (a transformed Gaussian).

    What has no gradient through its draws, such as a class, gives its mode: a mean of class indices is no class.
    """
    if not fn.has_rsample:
        return fn.mode.expand(shape)
    mean = closed_mean(fn)
    return fn.sample((_DRAWS,)).mean(0) if mean is None else mean.expand(shape)
