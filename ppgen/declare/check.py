"""Verify a model, its guide and their data together, before the first optimizer step."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from pyro.util import check_site_shape
from torch import Tensor

from ppgen.declare.agreement import (
    verify_names,
    verify_pair,
    verify_registered,
    verify_rows,
    verify_scale,
)
from ppgen.declare.batch import batch_rows, extreme_rows, partly_missing, views, without_latents
from ppgen.declare.drawable import verify_drawable
from ppgen.declare.failure import explain_failure
from ppgen.declare.given import verify_given, verify_rows_given
from ppgen.declare.known_sites import gives_point, verify_guide_sites
from ppgen.declare.look import label_of, look, random_sites, to_sum_out, verify_enumeration, verify_guide_plates
from ppgen.declare.masks import find_read_noise, verify_masks
from ppgen.declare.parameters import ProgramModule
from ppgen.declare.program import Program, as_guide
from ppgen.declare.row_independence import verify_rows_alone
from ppgen.declare.strangers import verify_guide, verify_model
from ppgen.declare.supports import has_finite_support, is_fixed, name_of, support_of
from ppgen.declare.verify import verify_support
from ppgen.errors import DeclarationError, PpgenError

__all__ = ["FirstRun", "check", "explained", "verify_batch", "verify_once", "verify_values"]

_ANY = 1000  # plates; Pyro wants a limit
_FEW = 16  # rows that stand for a data set


def check(model: Any, guide: Any = None, batch: Mapping[str, Tensor] | None = None) -> None:
    """Verify sites, supports, shapes and plates of a pair on a batch, and say what is wrong and how to mend it.

    The pair is run on the batch as the whole data set, and on all but its last row as a minibatch of a larger one.
    Nothing changes: parameters, buffers and random state are bit for bit what they were. Where a discrete latent's
    values are -1, they are missing: the pair is run with the latent unobserved, and on the rows that have it.

    ``ppgen.fit`` verifies the same by fewer runs, on rows that hold the extremes of every covariate, and calls this
    where it finds a fault.

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
          more: ppgen explain ...
    """
    batch = {} if batch is None else batch
    verify_rows_given(batch)
    if isinstance(model, Program):
        model, guide = model.model, model.guide
        if guide is not None:
            look(guide, batch, None)  # creates parameters that the model may use too
    verify_model("check", model)
    if guide is not None:
        guide = as_guide(guide, model)
        verify_guide("check", guide, model)
    verify_given(model, batch)
    for view in views(batch, _verify_missing(model, batch)):
        _check_on(model, guide, view, None)
        if view and not model.is_whole:
            rows = batch_rows(view, None)
            fewer = {name: value[: max(1, rows - 1)] for name, value in view.items()}
            _check_on(model, guide, fewer, 2 * rows)


@dataclasses.dataclass(frozen=True)
class FirstRun:
    """What one run of a pair has shown.

    Args:
        given: distributions of all sites whose values the batch has, be it in some rows.
        is_point: whether the guide gives some latent as a point.
        read_noise: see :func:`find_read_noise`.
    """

    given: Mapping[str, Any]
    is_point: bool
    read_noise: str


def verify_once(model: ProgramModule, guide: ProgramModule | None, batch: Mapping[str, Tensor]) -> FirstRun:
    """Verify what :func:`check` does by a single run of each, on the batch as a minibatch of a larger data set.

    The guide runs without values of latents, and the model on what the guide draws. Where something is wrong, the pair
    runs again as often as :func:`check` needs to say what.

    Args:
        model: a model, or the model of a program.
        guide: its guide, if there is one.
        batch: tensors ``[rows, ...]`` by site and covariate.

    Raises:
        DataError, DeclarationError: as by :func:`check`.
    """
    with explained(model, guide, batch):
        verify_rows_given(batch)
        verify_given(model, batch)
        evidence = without_latents(model, batch) or batch
        rows = batch_rows(batch, None)
        few, size = (rows, rows) if model.is_whole else (max(1, rows - 1), 2 * rows)
        fewer = {name: value[:few] for name, value in evidence.items()}
        drawn = None if guide is None else look(guide, fewer, size)
        trace = look(model, fewer, size, replayed=drawn)
        _verify_model(model, trace, few, size)
        if guide is not None:
            _verify_guide(model, guide, trace, drawn, few)
        _verify_densities(model, guide, trace, drawn)
        verify_rows_alone(model, fewer, size, trace)
        verify_drawable(model, fewer, size, trace)
        nodes = random_sites(trace)
        known = [name for name in batch if name not in evidence]  # latents that some rows or all observe
        given = {name: node["fn"] for name, node in nodes.items() if node["is_observed"] or name in known}
        for name in known:
            may_miss = has_finite_support(given[name])
            verify_support(f"{label_of(model)}.{name}", name, given[name], batch[name][:few], may_miss=may_miss)
        draws = {} if drawn is None else random_sites(drawn)
        return FirstRun(given, gives_point(nodes, draws), find_read_noise(model, fewer, size, trace, drawn))


@contextlib.contextmanager
def explained(model: ProgramModule, guide: ProgramModule | None, batch: Mapping[str, Tensor]) -> Iterator[None]:
    """A block whose failure is told in the words of :func:`check`, if that finds what is wrong with the pair.

    Args:
        model: a model, or the model of a program.
        guide: its guide, if there is one.
        batch: tensors ``[rows, ...]`` by site and covariate, that the block runs the pair on.
    """
    try:
        yield
    except Exception as error:
        try:
            check(model, None, batch)
            if guide is not None:
                check(model, guide, batch)
        except PpgenError as clearer:
            raise clearer from (None if isinstance(error, PpgenError) else error)
        raise


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
    few = batch if model.is_whole else {key: value[index.to(value.device)] for key, value in batch.items()}
    verify_values("data", model, verify_once(model, guide, few).given, batch)


def verify_values(where: str, model: Any, given: Mapping[str, Any], rows: Mapping[str, Tensor]) -> None:
    """Check every value against its support: one bad row in a million is still an error.

    Args:
        where: which data they are, for the message.
        model: a model, or the model of a program.
        given: distributions by site, see :class:`FirstRun`.
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
    if not names:
        return []
    known = {key: value for key, value in batch.items() if key not in names}
    given = {name: node["fn"] for name, node in random_sites(look(model, known, None)).items()}
    summed = [name for name in names if has_finite_support(given[name])]
    for name in names:
        verify_support(f"{label_of(model)}.{name}", name, given[name], batch[name], may_miss=name in summed)
    return summed


def _check_on(model: ProgramModule, guide: ProgramModule | None, batch: Mapping[str, Tensor], size: int | None) -> None:
    """The model by itself, the guide, and the model once more as an objective runs it: on the guide's draws."""
    rows = batch_rows(batch, None)
    trace = look(model, batch, size)
    _verify_model(model, trace, rows, size)
    drawn = None
    if guide is not None:
        drawn = look(guide, batch, size)
        _verify_guide(model, guide, trace, drawn, rows)
        trace = look(model, batch, size, replayed=drawn)
    _verify_densities(model, guide, trace, drawn)
    verify_rows_alone(model, batch, size, trace)
    verify_drawable(model, batch, size, trace)


def _verify_model(model: ProgramModule, trace: Any, rows: int, size: int | None) -> None:
    """Plates, scales and the support of what is observed, in a trace of the model."""
    sites = random_sites(trace)
    verify_enumeration(label_of(model), sites)
    if not model.is_whole:
        verify_rows(label_of(model), trace, rows)
    for name, node in sites.items():
        if node["is_observed"]:
            verify_support(f"{label_of(model)}.{name}", name, node["fn"], node["value"])
    if size is not None and not model.is_whole:
        verify_scale(label_of(model), sites, rows)


def _verify_guide(model: ProgramModule, guide: ProgramModule, trace: Any, drawn: Any, rows: int) -> None:
    """Names and distributions of the guide's draws, against those in a trace of the model."""
    if not model.is_whole:
        verify_rows(label_of(guide), drawn, rows)
        verify_guide_plates(label_of(guide), drawn, trace, rows)
    draws = {name: node for name, node in random_sites(drawn).items() if not node["is_observed"]}
    latents = {
        n: s for n, s in random_sites(trace).items() if not s["is_observed"] and (n in draws or not to_sum_out(s))
    }
    verify_names(label_of(model), label_of(guide), latents, draws)
    verify_guide_sites(label_of(guide), latents, random_sites(drawn))
    for name, node in latents.items():
        verify_pair(f"{label_of(guide)}.{name}", node, draws[name])


def _verify_densities(model: ProgramModule, guide: ProgramModule | None, trace: Any, drawn: Any) -> None:
    """Masks and shapes of all log-densities, and that what they are computed from is a parameter of the pair."""
    if guide is None:
        _score(model, trace)
        verify_registered(label_of(model), trace, [model])
        return
    verify_masks(label_of(guide), trace, drawn)
    for part, run in ((guide, drawn), (model, trace)):
        _score(part, run)
        verify_registered(label_of(part), run, [model, guide])


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
                code="M011",
            ) from error
