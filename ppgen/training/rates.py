"""How fast a fit moves where nobody says: networks a little each step, free numbers faster, and to rest at the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyro.infer.autoguide import AutoGuide
from pyro.nn import PyroModule
from torch import nn

from ppgen.declare import ProgramModule, ProgramPart
from ppgen.guides import DerivedGuide
from ppgen.objectives import Player, State

__all__ = ["BENT_RATE", "GLOBAL_RATE", "RATE", "Rate", "choose_rate", "global_rate"]

RATE = 1e-3
"""Of a fit at a constant learning rate, which is every one but those of global latents at full batch."""

GLOBAL_RATE = 0.02
"""At the start of a cosine: a posterior's free numbers move in its own units, and noise would keep them from their end.

In 3000 steps of it they can go 30 units, and the last of them average the noise out.
"""

BENT_RATE = 5e-3
"""At the start of a cosine likewise, where networks of the guide bend such a posterior, as those of a flow do.

Of eight schools, 3000 steps at a constant 0.001 leave a flow 1.4 times as wide as the posterior in one direction.
"""

DRAWN_RATE = 2e-3
"""At the start of a cosine too, where a guide learns from draws of its model: there are many, and no two passes."""

_OF_MODULE = "$$$"  # in the names that pyro.module gives to parameters
_HOLDERS = (nn.ParameterDict, nn.ParameterList, ProgramModule, AutoGuide)


@dataclasses.dataclass(frozen=True)
class Rate:
    """A learning rate and its course.

    Args:
        learning_rate: at the start; or one for each player.
        schedule: of the rate, as :func:`fit` takes it.
        said: the choice in words, where it is not that of most fits.
    """

    learning_rate: float | Mapping[str, float]
    schedule: str | Callable[[float], float]
    said: str = ""


def choose_rate(
    learning_rate: float | Mapping[str, float] | None,
    schedule: str | Callable[[float], float] | None,
    *,
    shared: float | None = None,
    is_drawn: bool = False,
    begun: Mapping[str, Any] | None = None,
) -> Rate:
    """The user's learning rate and schedule, else what suits what is learned.

    Args:
        learning_rate: as given to :func:`fit`.
        schedule: likewise.
        shared: what :func:`global_rate` says, where all rows are in one batch.
        is_drawn: whether what is learned from are draws of the model.
        begun: the settings of the run that is taken up: one that was begun before there was a choice goes on so.

    Example:
        >>> choose_rate(None, None)
        Rate(learning_rate=0.001, schedule='constant', said='')
        >>> choose_rate(None, None, shared=GLOBAL_RATE).said
        'a learning rate of 0.02 that falls to 0 along a cosine, as global latents are learned at full batch'
    """
    before = begun is not None and (begun.get("learning_rate"), begun.get("schedule")) == (RATE, "constant")
    if learning_rate is not None or (shared is None and not is_drawn) or before:
        rate = RATE if learning_rate is None else learning_rate
        return Rate(rate, "constant" if schedule is None else schedule)
    rate, why = (
        (DRAWN_RATE, "as draws of the model are learned from")
        if shared is None
        else (shared, "as global latents are learned at full batch")
    )
    if schedule is not None:
        return Rate(rate, schedule, f"a learning rate of {rate} at the start, {why}")
    return Rate(rate, "cosine", f"a learning rate of {rate} that falls to 0 along a cosine, {why}")


def global_rate(
    model: ProgramModule, guide: ProgramModule | None, state: State, players: Sequence[Player], optimizer: Any
) -> float | None:
    """The rate at which one Adam learns nothing but a posterior of global continuous latents; ``None`` elsewhere.

    Free numbers go faster than the networks of a derived guide. A network anywhere else, as in a likelihood or an
    encoder, is learned as networks are. Discrete latents that are summed out do not count.

    Args:
        model: set up.
        guide: likewise, or ``None``.
        state: made by the objective.
        players: of the objective.
        optimizer: as given to :func:`fit`.
    """
    if guide is None or optimizer != "adam" or len(players) != 1:
        return None
    if isinstance(guide, DerivedGuide):
        sites = [latent.site for latent in guide.latents if not latent.is_discrete]
    else:
        sites = [site for site in model.sites.values() if site.role == "latent" and not site.is_discrete]
    if not sites or any(site.local for site in sites):
        return None
    stores = [part.params for part in (model, guide) if isinstance(part, ProgramPart)]
    if any(_OF_MODULE in name for store in stores for name in store.keys):
        return None
    own = set(guide.modules()) if isinstance(guide, DerivedGuide) else set()
    modules = nn.ModuleList(state.modules.values()).modules()
    networks = [module for module in modules if _is_network(module) and not any(module is store for store in stores)]
    if not networks:
        return GLOBAL_RATE
    return BENT_RATE if all(module in own for module in networks) else None


def _is_network(module: nn.Module) -> bool:
    """Whether it has weights of its own to learn, and is none of what holds free numbers: ours and Pyro's."""
    is_learned = any(parameter.requires_grad for parameter in module.parameters(recurse=False))
    return is_learned and not (isinstance(module, _HOLDERS) or type(module) is PyroModule)
