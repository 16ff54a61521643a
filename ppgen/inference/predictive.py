"""Draws of the observed sites from the prior, and reconstructions at given latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pyro
import torch
from torch import Tensor

from ppgen.context import evaluating, preserved_state, seeded, validation
from ppgen.data import Dataset, as_tokens
from ppgen.declare import ProgramModule, ProgramPart, label_of, name_of
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.inference.means import closed_mean
from ppgen.inference.prediction import global_draws

__all__ = [
    "as_latents",
    "covariates",
    "draw_global",
    "draw_observed",
    "placeholders",
    "prior_batch",
    "reconstruct",
    "verify_latents",
]


_ROWS = 512


def draw_observed(
    model: ProgramModule,
    given: Mapping[str, Tensor],
    n: int,
    *,
    fixed: Mapping[str, Tensor],
    mean: bool,
    seed: int,
    device: torch.device,
) -> dict[str, Tensor]:
    """``n`` draws of every observed or implicit site; with ``mean``, the likelihood's mean at a draw of the latents.

    Args:
        model: the model.
        given: covariates, [n, ...] each; the value of an observed site is a placeholder, and is drawn anew.
        n: how many.
        fixed: values of global latents, [*event] each.
        mean: give means instead of draws.
        seed: of the draws.
        device: where the model is.
    """
    with seeded(seed, device), evaluating(model), validation(True):
        return _run(model, pyro.poutine.uncondition(model), fixed, given, n, mean=mean)


def draw_global(model: Any, guide: ProgramModule, data: Mapping[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    """One draw of every global latent from the guide, [*event] each.

    Args:
        model: the model.
        guide: the guide.
        data: rows that the guide reads, [N, ...] each.
        seed: of the draw.
    """
    with seeded(seed, next(iter(data.values())).device), evaluating(guide, model):
        return global_draws(model, guide, data)


def as_latents(model: ProgramModule, latents: Any) -> dict[str, Tensor]:
    """Values of all local latents as a user gives them, with one row for each data point, [N, *event] each.

    Args:
        model: the model.
        latents: a mapping by latent, or the tensor of the only one.

    Raises:
        SettingError: naming a latent that is missing, or that the model does not have.
        DataError: if they are no numbers, or differ in their rows.
    """
    names = [name for name, site in model.sites.items() if site.role == "latent" and site.local]
    named = latents if isinstance(latents, Mapping) or len(names) != 1 else {names[0]: latents}
    if not isinstance(named, Mapping) or set(named) != set(names):
        raise SettingError(
            f"decode: {label_of(model)} needs a value for each of its latents",
            expected=", ".join(names) or "a model with latents of single data points",
            got=(", ".join(map(str, named)) or "none") if isinstance(named, Mapping) else type(latents).__name__,
            fix=f"fit.decode({{{', '.join(f'{name!r}: ...' for name in names)}}})" if names else "fit.sample(...)",
            code="S077",
        )
    tensors = {name: _as_tensor("decode", name, value) for name, value in named.items()}
    rows = {name: len(value) if value.dim() else 0 for name, value in tensors.items()}
    if any(value.dim() and not len(value) for value in tensors.values()):
        raise DataError(
            "decode: there are no rows to decode",
            expected="at least one row of each latent, [N, *event]",
            got=", ".join(f"{name}: {list(value.shape)}" for name, value in tensors.items()),
            fix="fit.decode(fit.encode())",
            code="D093",
        )
    if len(set(rows.values())) != 1 or 0 in rows.values():
        raise DataError(
            "decode: the latents have not the same rows",
            expected="tensors [N, *event], a row for each data point",
            got=", ".join(f"{name}: {list(value.shape)}" for name, value in tensors.items()),
            fix="z.unsqueeze(0) for a single code",
            code="D079",
        )
    for name, value in tensors.items():
        if bad := int((~torch.isfinite(value)).sum()):
            raise DataError(
                f"decode: {bad} of {value.numel()} values of {name} are not finite",
                expected="codes, a finite number for each dimension",
                got=", ".join(map(str, value[~torch.isfinite(value)][:3].tolist())),
                fix=f"{name}[{name}.isfinite().flatten(1).all(1)] keeps the rows that can be decoded",
                code="D094",
            )
    return {
        name: value.to(torch.get_default_dtype()) if value.is_floating_point() else value
        for name, value in tensors.items()
    }


def _as_tensor(call: str, name: str, value: Any) -> Tensor:
    """What a user gave as numbers."""
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise DataError(
            f"{call}: the values of {name} are no numbers",
            expected="a number, a tensor or an array",
            got=f"{type(value).__name__}: {error}",
            fix=f"{name}=torch.tensor(...)",
            code="D078",
        ) from error


def verify_latents(model: ProgramModule, latents: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Refuse latents that are not of the shapes that the model draws.

    Args:
        model: the model.
        latents: their values, [N, *event] each.
        given: covariates and placeholders, [N, ...] each.

    Raises:
        DataError: naming the first.
    """
    head = {key: value[:1] for key, value in given.items()}
    tracer = pyro.poutine.trace()
    with preserved_state(model), tracer:
        pyro.poutine.uncondition(model)(head, 1)
    for name, value in latents.items():
        drawn = cast(Any, tracer.trace.nodes[name])["value"]
        if value.shape[1:] != drawn.shape[1:]:
            raise DataError(
                f"decode: {name} has not the shape that {label_of(model)} draws",
                expected=f"[N{''.join(f', {size}' for size in drawn.shape[1:])}]",
                got=str(list(value.shape)),
                fix=f"fit.encode(site={name!r}) has that shape, where {name} is continuous",
                code="D080",
            )


def reconstruct(
    model: Any, latents: Mapping[str, Tensor], data: Mapping[str, Tensor], *, seed: int
) -> dict[str, Tensor]:
    """The likelihood's mean at given latents, for every observed site, [N, *event]; a draw where it has none.

    Args:
        model: the model.
        latents: their values, [N, *event] each ([*event] if global).
        data: values by site and covariate, [N, ...] each.
        seed: of the draws.
    """
    rest = {key: value for key, value in data.items() if key not in latents}
    first = next(iter(data.values()))
    with seeded(seed, first.device), evaluating(model):
        return _run(model, model, latents, rest, len(first), mean=True)


def _run(
    model: Any, program: Any, latents: Mapping[str, Tensor], batch: Mapping[str, Tensor], n: int, *, mean: bool
) -> dict[str, Tensor]:
    """Values of all observed sites at given latents, [n, *event] each, a piece of the rows at a time."""
    pieces: list[dict[str, Tensor]] = []
    for start in range(0, n, _ROWS):
        part = slice(start, start + _ROWS)
        values = {name: value[part] if model.sites[name].local else value for name, value in latents.items()}
        conditioned = pyro.poutine.condition(program, data=values)
        chunk = {key: value[part] for key, value in batch.items()}
        nodes = _outputs(model, conditioned, chunk, min(_ROWS, n - start))
        pieces.append({name: _value(node, mean) for name, node in nodes})
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


def _outputs(model: Any, handled: Any, batch: Mapping[str, Tensor], rows: int) -> list[tuple[str, Any]]:
    """The observed and implicit sites of one run of a model inside handlers."""
    tracer = pyro.poutine.trace()
    with tracer:  # get_trace would make another exception out of ours
        handled(batch, rows)
    outputs = [name for name, site in model.sites.items() if site.role != "latent"]
    return [(name, tracer.trace.nodes[name]) for name in outputs if name in tracer.trace.nodes]


def _value(node: Any, mean: bool) -> Tensor:
    has_mean = mean and name_of(node["fn"]) != "Categorical"  # class indices have none; torch's is NaN
    center = closed_mean(node["fn"]) if has_mean else None
    if center is None:
        return node["value"]
    return center.expand(torch.broadcast_shapes(center.shape, node["value"].shape))  # one value may be given for all


def covariates(model: Any, dataset: Dataset) -> tuple[list[str], list[str]]:
    """Names of the covariates that a prior run needs, and of all that it takes.

    Those of a declared model are parents that are no sites. Those of a hand-written program are the arguments that no
    observed site was given as its value; the only one of a data set, if any, is taken for that value. An argument with
    a default value may be left out.

    Args:
        model: the model.
        dataset: the data that it is for.
    """
    sites = model.sites
    if isinstance(model, ProgramPart):
        takes = set(model.arguments) | (set(dataset.keys) if "batch" in model.arguments else set())
        explained = model.explained
        others = [key for key in dataset.keys if key in takes and key not in explained] if len(dataset.keys) > 1 else []
        optional = {name for name, parameter in model.arguments.items() if parameter.default is not parameter.empty}
        return [key for key in others if key not in optional], others
    known = list(model.covariates)
    needed = {p for site in sites.values() for p in site.parents if p not in site.optional}
    return [name for name in known if name in needed], known


def placeholders(model: Any, dataset: Dataset, n: int) -> dict[str, Tensor]:
    """Values for the data arguments of a hand-written program, which a prior run draws anew: [n, ...].

    They are training rows, since a program may read sizes from them, such as the lengths of documents.

    Args:
        model: the model.
        dataset: the data that it is for.
        n: how many rows.
    """
    if not isinstance(model, ProgramPart):
        return {}
    _, known = covariates(model, dataset)
    rows = dataset.representative_rows()
    return {key: t[torch.arange(n) % len(t)] for key, t in rows.items() if key not in known}


def prior_batch(model: Any, dataset: Dataset, n: int, given: Mapping[str, Any]) -> dict[str, Tensor]:
    """The batch of a prior run: the covariates, and values for the arguments of a Pyro function, [n, ...] each.

    Args:
        model: the model.
        dataset: the data that it is for.
        n: how many rows.
        given: covariates by name, [n, ...] each, or one value for all; text where the data's column has a vocabulary.

    Raises:
        Unanswerable: naming a covariate that is missing.
        SettingError: naming one that the model does not take.
        DataError: naming one without a row for each draw.
    """
    needed, known = covariates(model, dataset)
    if missing := [name for name in needed if name not in given]:
        raise Unanswerable(
            f"sample: {label_of(model)} is conditional on {', '.join(missing)}",
            expected=f"a value for each of the {n} draws, or one for all",
            got=", ".join(given) or "no covariates",
            fix=f"fit.sample({n}, {missing[0]}=torch.zeros({n}, dtype=torch.long))",
            code="U017",
        )
    if surplus := [name for name in given if name not in known]:
        raise SettingError(
            f"sample: {surplus[0]} is no covariate of {label_of(model)}",
            expected=", ".join(known) or "no covariates",
            got=f"{surplus[0]}=...",
            fix=f"leave {surplus[0]} out",
            code="S078",
        )
    tensors = {}
    for name, value in given.items():
        tensor = _as_tensor("sample", name, as_tokens(dataset.columns.get(name), value))
        tensor = tensor.expand(n, *tensor.shape) if isinstance(value, str) or tensor.dim() == 0 else tensor
        if len(tensor) != n:
            raise DataError(
                f"sample: {name} has not one row for each draw",
                expected=f"{n} rows, or one value for all",
                got=f"{len(tensor)} rows",
                fix=f"fit.sample({len(tensor)}, {name}=...)",
                code="D081",
            )
        tensors[name] = tensor
    return placeholders(model, dataset, n) | tensors
