"""From the words of ``ppgen fit`` to a model, a guide and an objective."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ppgen import zoo
from ppgen.cli.list import match, summaries
from ppgen.cli.source import construct, is_source, load_member
from ppgen.errors import SettingError

if TYPE_CHECKING:
    from torch import nn

    from ppgen.cli.runs import Sources
    from ppgen.data import Dataset
    from ppgen.objectives import Objective

__all__ = ["Assembled", "assemble"]


class Assembled(NamedTuple):
    """What the words of ``ppgen fit`` name; ``None`` is left to ``ppgen.fit``."""

    model: Any
    guide: nn.Module | None
    objective: Objective | None


def assemble(
    model: str,
    data: Dataset,
    *,
    guide: str | None = None,
    objective: str | None = None,
    objective_settings: Mapping[str, Any] = {},
    settings: Mapping[str, Any] = {},
    guide_settings: Mapping[str, Any] = {},
    seed: int = 0,
) -> tuple[Assembled, Sources]:
    """Build what a fit is made of.

    Args:
        model: a recipe's name, ``FILE.py:Class`` or ``package.module:Class``.
        data: whose shapes fill the constructor's ``x_shape``.
        guide: a family's name (``"mean-field"``) or ``FILE.py:Class``; default: the recipe's, or none.
        objective: a name (``"elbo"``) or ``FILE.py:Class``; default: the recipe's, or none.
        objective_settings: arguments of the objective's constructor; the recipe's own stay where none are given.
        settings: arguments of the model's constructor or the recipe.
        guide_settings: arguments of the guide's constructor.
        seed: of the initial weights.

    Returns:
        Model, guide and objective, the last two ``None`` where ``ppgen.fit`` is to choose, and the user's files that
        they came from.

    Raises:
        SettingError: naming the first word that means nothing.
    """
    import torch

    from ppgen.training.choices import choose_objective, unwrap

    sources: Sources = {}
    offered: dict[str, Any] = {f"{key}_shape": tuple(t.shape[1:]) for key, t in data.splits["train"].items()}
    own_guide: nn.Module | None = None
    chosen: Objective | None = None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if is_source(model):
            own_model = _own(model, "Model", settings, offered, "--set", sources)
        else:
            own_model, own_guide, chosen = zoo.build(model, data, seed=seed, **settings)
        if guide is not None and is_source(guide):
            own_guide = _own(guide, "Guide", guide_settings, offered | {"model": own_model}, "--set-guide", sources)
        elif guide is not None:
            own_guide = _derived(guide, own_model, guide_settings)
        elif guide_settings:
            raise SettingError(
                "--set-guide without --guide", expected="the guide whose settings these are",
                got=", ".join(guide_settings), fix="--guide mean-field", code="S005",
            )  # fmt: skip
        if objective is not None and is_source(objective):
            chosen = _own(objective, "Objective", objective_settings, {}, "--set-objective", sources)
        elif objective is not None or objective_settings:
            # Settings without a name are those of the objective that ppgen.fit would take.
            default = choose_objective(*unwrap(own_model, own_guide), chosen)
            chosen = _objective(objective or type(default).__name__, objective_settings, default)
    return Assembled(own_model, own_guide, chosen), sources


def _own(
    text: str, kind: str, settings: Mapping[str, Any], offered: Mapping[str, Any], option: str, sources: Sources
) -> Any:
    """Build a user's own model, guide or objective, and add its source to ``sources``."""
    maker = load_member(text, kind)
    place, _, name = text.partition(":")
    sources[kind.lower()] = {"from": f"{place}:{name or maker.__name__}", "settings": dict(settings)}
    return construct(maker, settings, offered, option)


def _derived(text: str, model: nn.Module, settings: Mapping[str, Any]) -> nn.Module:
    import ppgen.guides

    name = match(text, summaries("guides"), "guide", "ppgen list guides")
    if name == "Refined":
        raise SettingError(
            "--guide refined: it improves on a guide that is fitted already",
            expected="a guide to fit",
            got=text,
            fix="fit first, then in Python: fit = ppgen.load(folder); fit.guide = ppgen.guides.Refined(fit.guide)",
            code="S006",
        )
    # A model that holds the network of its own posterior, as one with a VampPrior does, offers it.
    own = {"model": model} | ({"posterior": model.posterior} if hasattr(model, "posterior") else {})
    return construct(getattr(ppgen.guides, name), settings, own, "--set-guide")


def _objective(text: str, settings: Mapping[str, Any], default: Objective) -> Objective:
    import ppgen.objectives

    name = match(text, summaries("objectives"), "objective", "ppgen list objectives")
    maker = getattr(ppgen.objectives, name)
    for setting in ("beta", "warmup"):
        if setting in settings and setting not in inspect.signature(maker).parameters:
            raise SettingError(
                f"--{setting} belongs to the ELBO",
                expected="--objective elbo, and a model with latent variables and a likelihood",
                got=name,
                fix=f"leave --{setting} out",
                code="S007",
            )
    kept = default.settings() if type(default).__name__ == name else {}
    return construct(maker, kept | dict(settings), {}, "--set-objective")
