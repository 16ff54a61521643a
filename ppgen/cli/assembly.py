"""From the words of ``ppgen fit`` to a model, a guide and an objective."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ppgen import zoo
from ppgen.cli import catalogue
from ppgen.cli.source import construct, full_name, is_source, load_member
from ppgen.errors import SettingError

if TYPE_CHECKING:
    from torch import nn

    from ppgen.data import Dataset
    from ppgen.objectives import Objective

__all__ = ["Sources", "assemble"]

Sources = dict[str, dict[str, Any]]
"""Which of the user's files a run needs, and how it was called: see :func:`ppgen.cli.runs.note_sources`."""


def assemble(
    model: str,
    data: Dataset,
    *,
    guide: str | None = None,
    objective: str | None = None,
    objective_settings: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    guide_settings: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> tuple[zoo.BuiltRecipe, Sources]:
    """Build what a fit is made of.

    Args:
        model: a recipe's name, ``FILE.py:Class`` or ``package.module:Class``.
        data: whose shapes fill the constructor's ``x_shape``.
        guide: a family's name (``"mean-field"``) or ``FILE.py:Class``; default: the recipe's, or the model's.
        objective: a name (``"elbo"``); default: the recipe's, or what the model's sites call for.
        objective_settings: arguments of the objective's constructor; the recipe's own stay where none are given.
        settings: arguments of the model's constructor or the recipe.
        guide_settings: arguments of the guide's constructor.
        seed: of the initial weights.

    Returns:
        Model, guide and objective, and the user's files that they came from.

    Raises:
        SettingError: naming the first word that means nothing.
    """
    import torch

    from ppgen.training.fit import choose_guide, choose_objective, unwrap

    sources: Sources = {}
    offered: dict[str, Any] = {f"{key}_shape": tuple(t.shape[1:]) for key, t in data.splits["train"].items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if is_source(model):
            settings = dict(settings or {})
            maker = load_member(model)
            made = construct(maker, settings, offered, "--set")
            sources["model"] = {"from": full_name(model, maker), "settings": settings}
            built = zoo.BuiltRecipe(made, None, None)
        else:
            built = zoo.build(model, data, seed=seed, **(settings or {}))
        own_guide = built.guide
        if guide is not None:
            own_guide = _guide(guide, built.model, guide_settings or {}, offered, sources)
        elif guide_settings:
            raise SettingError(
                "--set-guide without --guide", expected="the guide whose settings these are",
                got=", ".join(guide_settings), fix="--guide mean-field",
            )  # fmt: skip
        bare, bare_guide = unwrap(built.model, own_guide)
        if bare is built.model:
            own_guide = bare_guide = choose_guide(bare, own_guide)
        chosen = built.objective
        if objective is not None or objective_settings or chosen is None:
            chosen = _objective(objective, objective_settings or {}, choose_objective(bare, bare_guide, chosen))
    return zoo.BuiltRecipe(built.model, own_guide, chosen), sources


def _guide(
    text: str, model: nn.Module, settings: Mapping[str, Any], offered: Mapping[str, Any], sources: Sources
) -> nn.Module:
    if is_source(text):
        maker = load_member(text, "Guide")
        sources["guide"] = {"from": full_name(text, maker), "settings": dict(settings)}
        return construct(maker, settings, {**offered, "model": model}, "--set-guide")
    import ppgen.guides

    name = catalogue.match(text, catalogue.summaries("ppgen.guides"), "guide", "ppgen list guides")
    if name == "Refined":
        raise SettingError(
            "--guide refined: it improves on a guide that is fitted already",
            expected="a guide to fit",
            got=text,
            fix="fit first, then in Python: fit = ppgen.load(folder); fit.guide = ppgen.guides.Refined(fit.guide)",
        )
    # A model that holds the network of its own posterior, as one with a VampPrior does, offers it.
    own = {"model": model} | ({"posterior": model.posterior} if hasattr(model, "posterior") else {})
    return construct(getattr(ppgen.guides, name), settings, own, "--set-guide")


def _objective(text: str | None, settings: Mapping[str, Any], default: Objective) -> Objective:
    import ppgen.objectives

    name = type(default).__name__
    if text is not None:
        known = catalogue.summaries("ppgen.objectives")
        name = catalogue.match(text, known, "objective", "ppgen list objectives")
    maker = getattr(ppgen.objectives, name)
    for setting in ("beta", "warmup"):
        if setting in settings and setting not in inspect.signature(maker).parameters:
            raise SettingError(
                f"--{setting} belongs to the ELBO",
                expected="--objective elbo, and a model with latent variables and a likelihood",
                got=name,
                fix=f"leave --{setting} out",
            )
    kept = default.settings() if type(default).__name__ == name else {}
    return construct(maker, kept | dict(settings), {}, "--set-objective")
