"""Verify a model, its guide and their data together, before the first optimizer step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pyro.util import check_site_shape
from torch import Tensor

from ppgen.declare.agreement import verify_names, verify_pair, verify_registered, verify_rows, verify_scale
from ppgen.declare.batch import batch_rows, extreme_rows, partly_missing, views
from ppgen.declare.look import label_of, look, random_sites
from ppgen.declare.parameters import ProgramModule
from ppgen.declare.program import Program, ProgramPart, as_guide
from ppgen.declare.strangers import verify_guide, verify_model
from ppgen.declare.supports import has_finite_support, is_fixed, name_of, support_of
from ppgen.declare.verify import explain_failure, verify_finite, verify_support
from ppgen.errors import DataError, DeclarationError

__all__ = ["check", "given_distributions", "verify_batch", "verify_values"]

_ANY = 1000  # plates; Pyro wants a limit
_FEW = 16  # rows that stand for a data set


def check(model: Any, guide: Any = None, batch: Mapping[str, Tensor] | None = None) -> None:
    """Verify sites, supports, shapes and plates of a pair on a batch, and say what is wrong and how to mend it.

    The pair is run twice: on the batch as the whole data set, and on all but its last row as a minibatch of a larger
    one. Nothing changes: parameters, buffers and random state are bit for bit what they were. ``ppgen.fit`` calls it
    on rows that hold the extremes of every covariate. Where a discrete latent's values are -1, they are missing: the
    pair is run with the latent unobserved, and on the rows that have it.

    Args:
        model: a :class:`Model`, or a :class:`Program` (then ``guide`` is not given).
        guide: a :class:`Guide` or derived guide; ``None`` to check the model alone.
        batch: values by site and covariate; ``None`` to run the model's prior, if it needs no covariates.

    Raises:
        DeclarationError: for a fault of the model or guide.
        DataError: for a fault of the batch.

    Example:
        >>> import torch
        >>> from ppgen.models import VAE
        >>> check(VAE(x_shape=(1, 8, 8)), batch={"x": torch.zeros(4, 1, 8, 8)})
        >>> check(VAE(x_shape=(1, 8, 8)), batch={"x": torch.zeros(4, 8, 8, 1)})
        Traceback (most recent call last):
        ...
        ppgen.errors.DataError: VAE.x: the data's shape is not the model's
          expected: x of shape [batch, 1, 8, 8]
          got: shape [4, 8, 8, 1]
          fix: channels stand last: x = x.permute(0, 3, 1, 2)
    """
    batch = {} if batch is None else batch
    _verify_batch(batch)
    if isinstance(model, Program):
        model, guide = model.model, model.guide
        if guide is not None:
            look(guide, batch, None)  # creates parameters that the model may use too
    verify_model("check", model)
    if guide is not None:
        guide = as_guide(guide, model)
        verify_guide("check", guide, model)
    _verify_observed(model, batch)
    for view in views(batch, _verify_missing(model, batch)):
        _check_on(model, guide, view, None)
        if view:
            rows = batch_rows(view, None)
            fewer = {name: value[: max(1, rows - 1)] for name, value in view.items()}
            _check_on(model, guide, fewer, 2 * rows)


def verify_batch(model: Any, guide: ProgramModule | None, batch: Mapping[str, Tensor]) -> None:
    """Check a batch from a user as a fit checks its data, every row of it.

    Args:
        model: a model, or the model of a program.
        guide: its guide, if there is one.
        batch: tensors ``[rows, ...]`` by site and covariate.

    Raises:
        DataError, DeclarationError: if the pair cannot have anything to say about it.
    """
    index = torch.tensor([*range(min(_FEW, batch_rows(batch, None))), *extreme_rows(batch)])
    few = {key: value[index.to(value.device)] for key, value in batch.items()}
    check(model, guide, few)
    verify_values("data", model, given_distributions(model, few), batch)


def given_distributions(model: Any, batch: Mapping[str, Tensor]) -> dict[str, Any]:
    """The distributions of all sites whose values the batch has, be it in some rows.

    Args:
        model: a model, or the model of a program.
        batch: tensors ``[rows, ...]`` by site and covariate.
    """
    names = partly_missing(model, batch)
    nodes = random_sites(look(model, {key: value for key, value in batch.items() if key not in names}, None))
    return {name: node["fn"] for name, node in nodes.items() if node["is_observed"] or name in names}


def verify_values(where: str, model: Any, given: Mapping[str, Any], rows: Mapping[str, Tensor]) -> None:
    """Check every value against its support: one bad row in a million is still an error.

    Args:
        where: which data they are, for the message.
        model: a model, or the model of a program.
        given: distributions by site, see :func:`given_distributions`.
        rows: tensors ``[rows, ...]`` by site and covariate.

    Raises:
        DataError: naming the first offending value.
    """
    for name, fn in given.items():
        if name in rows and is_fixed(support_of(fn)):
            site = f"{label_of(model)}.{name} ({where})"
            role = model.sites[name].role if name in model.sites else ""
            may_miss = role == "latent" and has_finite_support(fn)
            verify_support(site, name, fn, rows[name], role=role, may_miss=may_miss)


def _verify_missing(model: ProgramModule, batch: Mapping[str, Tensor]) -> list[str]:
    """The discrete latents whose values are missing in some rows; all other values lie in their supports."""
    names = partly_missing(model, batch)
    given = given_distributions(model, batch) if names else {}
    summed = [name for name in names if has_finite_support(given[name])]
    for name in names:
        verify_support(f"{label_of(model)}.{name}", name, given[name], batch[name], may_miss=name in summed)
    return summed


def _check_on(model: ProgramModule, guide: ProgramModule | None, batch: Mapping[str, Tensor], size: int | None) -> None:
    rows = batch_rows(batch, None)
    prior = look(model, batch, size)
    sites = random_sites(prior)
    verify_rows(label_of(model), prior, rows)
    for name, node in sites.items():
        if node["is_observed"]:
            verify_support(f"{label_of(model)}.{name}", name, node["fn"], node["value"])
    if size is not None:
        verify_scale(label_of(model), sites, rows)
    if guide is None:
        _score(model, prior)
        verify_registered(label_of(model), prior, [model])
        return
    drawn = look(guide, batch, size)
    verify_rows(label_of(guide), drawn, rows)
    latents = {name: node for name, node in sites.items() if not node["is_observed"]}
    draws = {name: node for name, node in random_sites(drawn).items() if not node["is_observed"]}
    verify_names(label_of(model), label_of(guide), latents, draws)
    for name, node in latents.items():
        verify_pair(f"{label_of(guide)}.{name}", node, draws[name])
    paired = look(model, batch, size, replayed=drawn)  # once more as an objective runs it: on the guide's draws
    for part, trace in ((guide, drawn), (model, paired)):
        _score(part, trace)
        verify_registered(label_of(part), trace, [model, guide])


def _score(program: ProgramModule, trace: Any) -> None:
    """Compute every site's log-density in the trace, and hold its shape against the plates around the site."""
    for name, node in random_sites(trace).items():
        where, family = f"{label_of(program)}.{name}", name_of(node["fn"])
        try:
            log_prob = node["fn"].log_prob(node["value"])
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            score = lambda given, fn=node["fn"]: fn.log_prob(*given.values())
            raise explain_failure(f"{where}: log_prob of {family}", {name: node["value"]}, error, score) from error
        node["log_prob"] = log_prob
        try:
            check_site_shape(node, max_plate_nesting=_ANY)
        except ValueError as error:
            plates = " x ".join(f"{frame.name} ({frame.size})" for frame in reversed(node["cond_indep_stack"]))
            raise DeclarationError(
                f"{where}: its log-density has not the shape of the plates around it",
                expected=f"one number for each element of {plates or 'no plate: a single number'}",
                got=f"{family} with log-density of shape {list(log_prob.shape)}",
                fix="append .to_event(...) to the distribution, or enclose the site in its plate",
            ) from error


def _verify_batch(batch: Mapping[str, Tensor]) -> None:
    if batch_rows(batch, None) < 1:
        shapes = ", ".join(f"{name} of shape {list(value.shape)}" for name, value in batch.items())
        raise DataError(
            "the data set is empty",
            expected="at least one data point, [batch, ...]",
            got=shapes,
            fix="check the file, filter or split that it came from",
        )
    for name, value in batch.items():
        verify_finite("batch", name, value)


def _verify_observed(model: Any, batch: Mapping[str, Tensor]) -> None:
    if not batch or isinstance(model, ProgramPart):
        return
    for site in model.sites.values():
        if site.role == "observed" and site.name not in batch:
            raise DataError(
                f"{label_of(model)}.{site.name}: the data do not contain this observed site",
                expected=f"a tensor under the key {site.name!r}",
                got=f"keys {sorted(batch)}",
                fix=f'data={{"{site.name}": tensor}}',
            )
