"""From a pair and a data set to what the loop needs: on the device, set up, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ppgen.data import Dataset
from ppgen.declare import ProgramPart, check, validation
from ppgen.declare.declared import batch_rows
from ppgen.declare.look import label_of, look, random_sites
from ppgen.declare.missing import MISSING, evidence, is_missing, partly_missing
from ppgen.declare.silent import silent
from ppgen.declare.supports import has_finite_support, support_of
from ppgen.declare.verify import verify_support
from ppgen.errors import DeclarationError, SettingError
from ppgen.fitting.known import DTYPES
from ppgen.fitting.resident import chunks
from ppgen.guides import DerivedGuide
from ppgen.objectives import Moment, Objective
from ppgen.objectives.pairing import pair

__all__ = ["cast", "rehearse", "representative_rows", "set_up", "verify_batch", "verify_fit", "verify_weights"]

_FEW = 16
_ROWS = 8192


def representative_rows(dataset: Dataset) -> dict[str, Tensor]:
    """A few training rows, and from every split those with the smallest and largest value of each integer column."""
    pieces = []
    for split, stored in dataset.splits.items():
        index = _extremes(stored) if dataset.size(split) else []
        if split == "train":
            index = [*range(min(_FEW, dataset.size(split))), *index]
        pieces.append({key: tensor[torch.tensor(index, dtype=torch.long)] for key, tensor in stored.items()})
    rows = {key: torch.cat([piece[key].cpu() for piece in pieces]) for key in dataset.splits["train"]}
    return rows if dataset.transform is None else dataset.transform(rows, torch.Generator().manual_seed(0))


def verify_weights(module: nn.Module) -> None:
    """Check that training begins with finite weights.

    Raises:
        DeclarationError: naming the first parameter that is not finite.
    """
    for name, parameter in module.named_parameters():
        if not is_lazy(parameter) and not bool(torch.isfinite(parameter).all()):
            raise DeclarationError(
                f"{label_of(module)}: parameter {name!r} is not finite before training begins",
                expected="finite initial weights",
                got=f"{int((~torch.isfinite(parameter)).sum())} of {parameter.numel()} values",
                fix="look at how the module is initialised, or at the file that its weights came from",
            )


def set_up(model: nn.Module, guide: nn.Module | None, dataset: Dataset, device: torch.device) -> None:
    """Put the pair on the device, check the model, and make all parameters that wait to see data.

    Raises:
        DataError, DeclarationError: if the model cannot run on the data.
    """
    batch = {key: value.to(device) for key, value in representative_rows(dataset).items()}
    model.to(device)
    if guide is not None:
        guide.to(device)
        verify_weights(guide)
    if isinstance(guide, ProgramPart):
        guide.setup(batch)  # before the model, which may use parameters that the guide creates
    if isinstance(model, ProgramPart):
        model.setup(batch)
    check(model, None, batch)
    if isinstance(guide, DerivedGuide):
        guide.setup(evidence(model, batch))


def verify_fit(model: nn.Module, guide: nn.Module | None, dataset: Dataset, device: torch.device) -> dict[str, Any]:
    """Check the pair on a few rows, and all rows of all splits.

    Returns:
        Facts for the run: the dtype that each tensor of a batch should have, whether the likelihood is discrete, and
        whether the guide is a point.
    """
    rows = representative_rows(dataset)
    batch = {key: value.to(device) for key, value in rows.items()}
    if guide is not None:
        check(model, guide, batch)
    given = _given(model, batch)
    for split, stored in dataset.splits.items():
        for chunk in chunks(stored, _ROWS):
            seen = chunk if dataset.transform is None else dataset.transform(chunk, torch.Generator().manual_seed(0))
            _verify_values(f"{split} split", model, given, {k: v.to(device) for k, v in seen.items()})
    return {
        "dtypes": {key: str(value.dtype).removeprefix("torch.") for key, value in rows.items()},
        "discrete_likelihood": all(_is_discrete(fn) for fn in given.values()),
        "point_guide": guide is not None and _is_point(model, guide, batch),
    }


def rehearse(
    model: nn.Module, guide: nn.Module | None, objective: Objective, dataset: Dataset, device: torch.device
) -> None:
    """Compute every turn's loss once and forget it, so that what an objective cannot train is refused at once."""
    batch = {key: value.to(device) for key, value in representative_rows(dataset).items()}
    modules = nn.ModuleList([model, *([] if guide is None else [guide]), *objective.networks.values()])
    size = max(dataset.size("train"), len(next(iter(batch.values()))))
    missing = partly_missing(model, batch)
    with silent(modules), torch.enable_grad(), validation(True):
        for turn in objective.turns(model, guide):
            try:
                objective.loss(turn.name, model, guide, batch, size, Moment())
            except (RuntimeError, ValueError, IndexError) as error:
                if not missing:
                    raise
                raise SettingError(
                    f"{objective.name}: it cannot be trained where values of {missing[0]} are missing ({error})",
                    expected="an objective that sums discrete latents out",
                    got=f"{objective.name} on data with {missing[0]} = {MISSING} in some rows",
                    fix="objective=ppgen.ELBO()",
                ) from error


def verify_batch(model: nn.Module, guide: nn.Module | None, batch: Mapping[str, Tensor]) -> None:
    """Check a batch from a user as a fit checks its data, every row of it.

    Raises:
        DataError, DeclarationError: if the pair cannot have anything to say about it.
    """
    index = torch.tensor([*range(min(_FEW, batch_rows(batch, None))), *_extremes(batch)])
    few = {key: value[index.to(value.device)] for key, value in batch.items()}
    check(model, guide, few)
    _verify_values("data", model, _given(model, few), batch)


def cast(batch: Mapping[str, Tensor], dtypes: Mapping[str, str]) -> dict[str, Tensor]:
    """A batch in the types that the model was fitted to."""
    return {k: value.to(DTYPES[dtypes[k]]) if k in dtypes else value for k, value in batch.items()}


def _extremes(columns: Mapping[str, Tensor]) -> list[int]:
    """Rows with the smallest and largest value of each integer column [N], and the first that may be missing."""
    rows: list[int] = []
    for values in columns.values():
        if not len(values):
            continue
        if not values.is_floating_point() and values.dim() == 1:
            rows += [int(values.argmin()), int(values.argmax())]
        elif bool((missing := is_missing(values)).any()):
            rows.append(int(missing.int().argmax()))
    return rows


def _given(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Any]:
    """The distributions of all sites whose values the batch has, be it in some rows."""
    names = partly_missing(model, batch)
    nodes = random_sites(look(model, {key: value for key, value in batch.items() if key not in names}, None))
    return {name: node["fn"] for name, node in nodes.items() if node["is_observed"] or name in names}


def _is_point(model: nn.Module, guide: nn.Module, batch: Mapping[str, Tensor]) -> bool:
    batch = evidence(model, batch)
    with silent(nn.ModuleList([model, guide])):
        return pair(model, guide, batch, len(next(iter(batch.values())))).is_point


def _verify_values(where: str, model: nn.Module, given: Mapping[str, Any], rows: Mapping[str, Tensor]) -> None:
    """Every value against the likelihood's support: one bad row in a million is still an error."""
    for name, fn in given.items():
        if name in rows and _is_fixed(support_of(fn)):
            site = f"{label_of(model)}.{name} ({where})"
            role = getattr(model, "sites", {})[name].role if name in getattr(model, "sites", {}) else ""
            may_miss = role == "latent" and has_finite_support(fn)
            verify_support(site, name, fn, rows[name], role=role, may_miss=may_miss)


def _is_discrete(fn: Any) -> bool:
    return bool(getattr(support_of(fn), "is_discrete", False))


def _is_fixed(support: Any) -> bool:
    """Whether a support is known, and the same for every row, so that other rows can be held against it."""
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    bounds = [getattr(support, name, None) for name in ("lower_bound", "upper_bound")]
    return support is not None and not any(isinstance(bound, Tensor) and bound.dim() for bound in bounds)
