"""From what a user hands to fit to what the loop needs: checked, set up and on the device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.data import Dataset
from ppgen.declare import Program, ProgramPart, check
from ppgen.declare.verify import verify_support
from ppgen.errors import DataError, DeclarationError, SettingError
from ppgen.fitting.resident import chunks
from ppgen.guides import DerivedGuide, MeanField
from ppgen.objectives import ELBO, MaximumLikelihood, Objective

__all__ = ["check_settings", "choose_guide", "choose_objective", "prepare", "representative_rows", "unwrap"]

_CHECKED_ROWS = 16


def check_settings(**settings: Any) -> None:
    """Refuse settings out of range.

    Raises:
        SettingError: naming the first.
    """
    for name in ("max_epochs", "batch_size", "patience"):
        value = settings[name]
        optional = name == "patience" and value is None
        if not optional and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise SettingError(
                f"fit: {name} is out of range", expected="a whole number >= 1", got=repr(value), fix=f"{name}=20"
            )
    for name in ("learning_rate", "clip_norm"):
        value = settings[name]
        optional = name == "clip_norm" and value is None
        valid = isinstance(value, (int, float)) and math.isfinite(value) and value > 0
        if not optional and not valid:
            raise SettingError(
                f"fit: {name} is out of range", expected="a finite number > 0", got=repr(value), fix=f"{name}=1e-3"
            )
    if not isinstance(settings["seed"], int):
        raise SettingError("fit: seed must be a whole number", got=repr(settings["seed"]), fix="seed=0")
    if settings["resume"] and settings["out"] is None:
        raise SettingError(
            "fit: resume=True without a run folder",
            expected="the folder of the run to take up",
            fix='ppgen.fit(..., out="runs/name", resume=True)',
        )


def unwrap(model: Any, guide: Any) -> tuple[nn.Module, Any]:
    """Model and guide as modules; a :class:`Program` holds both."""
    if isinstance(model, Program):
        if guide is not None:
            raise SettingError("fit: a Program brings its own guide", got="guide=...", fix="leave guide out")
        return model.model, model.guide
    if isinstance(model, type) or not isinstance(model, nn.Module) or not hasattr(model, "sites"):
        name = model.__name__ if isinstance(model, type) else type(model).__name__
        raise DeclarationError(
            "fit: this is no model",
            expected="an instance of a ppgen.Model subclass, or a ppgen.Program",
            got=f"the class {name} itself" if isinstance(model, type) else name,
            fix=f"ppgen.fit({name}(...), ...)" if isinstance(model, type) else "ppgen.Program(model, guide)",
        )
    return model, guide


def choose_guide(model: nn.Module, guide: Any) -> nn.Module | None:
    """The user's guide, else the mean-field guide of a declared model with latents and a likelihood."""
    if guide is not None:
        if isinstance(guide, type):
            guide = guide(model) if issubclass(guide, DerivedGuide) else guide()
        if not isinstance(guide, nn.Module):
            raise DeclarationError(
                "fit: this is no guide",
                expected="a ppgen.Guide, or one derived: ppgen.guides.MeanField(model)",
                got=type(guide).__name__,
                fix="for a Pyro function: ppgen.fit(ppgen.Program(model, guide), ...)",
            )
        return guide
    has_latents = any(site.role == "latent" for site in getattr(model, "sites", {}).values())
    if has_latents and not getattr(model, "is_implicit", False) and not isinstance(model, ProgramPart):
        return MeanField(model)  # type: ignore[arg-type]  # unwrap has checked that it is a declared model
    return None


def choose_objective(model: nn.Module, guide: nn.Module | None, objective: Objective | None) -> Objective:
    """The user's objective, else what the sites call for: an ELBO, maximum likelihood, or adversarial training."""
    if objective is None:
        if getattr(model, "is_implicit", False):
            from ppgen.objectives import Adversarial

            return Adversarial()
        has_latents = any(site.role == "latent" for site in getattr(model, "sites", {}).values())
        return ELBO() if has_latents or guide is not None else MaximumLikelihood()
    if not isinstance(objective, Objective):
        raise SettingError(
            "fit: this is no objective",
            expected="ppgen.ELBO(), ppgen.MaximumLikelihood(), ppgen.Adversarial() ...",
            got=repr(objective),
            fix="objective=ppgen.ELBO(beta=4.0)",
        )
    return objective


def representative_rows(dataset: Dataset, split: str = "train") -> dict[str, Tensor]:
    """A few rows of a split, among them those with the smallest and largest value of each integer covariate."""
    stored = dataset.splits[split]
    index = list(range(min(_CHECKED_ROWS, dataset.size(split))))
    for tensor in stored.values():
        if not tensor.is_floating_point() and tensor.dim() == 1 and len(tensor):
            index += [int(tensor.argmin()), int(tensor.argmax())]
    chosen = torch.tensor(list(dict.fromkeys(index)))
    rows = {key: tensor.cpu()[chosen] for key, tensor in stored.items()}
    return rows if dataset.transform is None else dataset.transform(rows, torch.Generator().manual_seed(0))


def prepare(model: nn.Module, guide: nn.Module | None, dataset: Dataset, device: torch.device) -> dict[str, Any]:
    """Set the pair up on representative rows, check it, check all data, and put the pair on the device.

    Returns:
        Facts for the run: the dtype that each tensor of a batch should have, and whether the likelihood is discrete.
    """
    batch = representative_rows(dataset)
    if dataset.size("train") < 1:
        raise DataError("fit: the training split is empty", expected="at least one data point", got=repr(dataset))
    if isinstance(model, ProgramPart):
        if isinstance(guide, ProgramPart):
            guide.setup(batch)
        model.setup(batch)
    check(model, None, batch)
    if isinstance(guide, DerivedGuide):
        guide.setup(batch)
    if guide is not None:
        check(model, guide, batch)
    observed = _observed_distributions(model, batch)
    _check_all_rows(model, observed, dataset)
    model.to(device)
    if guide is not None:
        guide.to(device)
    return {
        "dtypes": {key: str(value.dtype).removeprefix("torch.") for key, value in batch.items()},
        "discrete_likelihood": all(getattr(fn.support, "is_discrete", False) for fn in observed.values()),
    }


def _observed_distributions(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Any]:
    import pyro

    training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(), pyro.poutine.block():
            trace = pyro.poutine.trace(model).get_trace(dict(batch), None)
    finally:
        model.train(training)
    return {
        name: node["fn"]
        for name, node in trace.nodes.items()
        if node["type"] == "sample" and node["is_observed"] and not node["infer"].get("_deterministic")
    }


def _check_all_rows(model: nn.Module, observed: Mapping[str, Any], dataset: Dataset) -> None:
    """Every value of every split against the likelihood's support: one bad row in a million is still an error."""
    label = str(getattr(model, "label", type(model).__name__))
    for split in dataset.splits:
        if not dataset.size(split):
            continue
        for chunk in chunks(dataset.splits[split], 8192):
            rows = chunk if dataset.transform is None else dataset.transform(chunk, torch.Generator().manual_seed(0))
            for name, fn in observed.items():
                if name in rows and _is_fixed(fn.support):
                    verify_support(f"{label}.{name} ({split} split)", name, fn, rows[name].cpu())


def _is_fixed(support: Any) -> bool:
    """Whether a support is the same for every row, so that rows of other batches can be held against it."""
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    bounds = [getattr(support, name, None) for name in ("lower_bound", "upper_bound")]
    return not any(isinstance(bound, Tensor) and bound.dim() for bound in bounds)
