"""Verify a model, its guide and their data together, before the first optimizer step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro
import torch
from pyro.poutine.util import site_is_subsample
from torch import Tensor, nn

from ppgen.declare.declared import batch_rows
from ppgen.declare.program import Program
from ppgen.declare.validation import validation
from ppgen.declare.verify import describe_tensor, name_of, support_name, verify_support
from ppgen.errors import DataError, DeclarationError, PpgenError

__all__ = ["check"]


def check(model: Any, guide: Any = None, batch: Mapping[str, Tensor] | None = None) -> None:
    """Verify sites, supports, shapes and plates of a pair on a batch, and say what is wrong and how to mend it.

    Nothing changes: parameters, buffers and random state are bit for bit what they were. ``ppgen.fit`` calls it on
    rows that hold the extremes of every covariate.

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
    if isinstance(model, Program):
        model, guide = model.model, model.guide
    given: dict[str, Tensor] = dict(batch or {})
    _check_batch(given)
    _check_observed(model, given)
    rows = batch_rows(given, None)
    model_trace = _run(model, given, "model")
    sites = {name: node for name, node in model_trace.nodes.items() if _is_random(node)}
    latents = {name: node for name, node in sites.items() if not node["is_observed"]}
    for name, node in sites.items():
        if node["is_observed"]:
            verify_support(f"{_label(model)}.{name}", name, node["fn"], node["value"])
    if guide is None:
        return
    guide_trace = _run(guide, given, "guide")
    drawn = {name: node for name, node in guide_trace.nodes.items() if _is_random(node) and not node["is_observed"]}
    _check_names(model, guide, latents, drawn)
    for name, node in latents.items():
        _check_pair(_label(guide), name, node, drawn[name], rows)


def _is_random(node: Any) -> bool:
    return node["type"] == "sample" and not site_is_subsample(node) and not node["infer"].get("_deterministic")


def _label(part: Any) -> str:
    return str(getattr(part, "label", type(part).__name__))


def _check_batch(batch: Mapping[str, Tensor]) -> None:
    for name, value in batch.items():
        if not isinstance(value, Tensor):
            raise DataError(
                f"{name}: a batch holds tensors",
                expected="torch.Tensor of shape [batch, ...]",
                got=type(value).__name__,
                fix=f"torch.as_tensor({name})",
            )
        if value.dim() == 0 or value.shape[0] == 0:
            raise DataError(
                f"{name}: the data set is empty",
                expected="at least one data point, [batch, ...]",
                got=f"shape {list(value.shape)}",
                fix="check the file, filter or split that it came from",
            )
        if value.is_floating_point() and not torch.isfinite(value).all():
            bad = (~torch.isfinite(value)).nonzero()
            raise DataError(
                f"{name} has {len(bad)} value(s) that are not finite, first at {bad[0].tolist()}",
                expected="finite numbers",
                got=str(value[tuple(bad[0])].item()),
                fix=f"remove or impute these data points: {name}[{name}.isfinite().flatten(1).all(1)]",
            )
    batch_rows(batch, None)


def _check_observed(model: Any, batch: Mapping[str, Tensor]) -> None:
    sites = getattr(model, "sites", {})
    if not batch:
        return
    for site in sites.values():
        if site.role == "observed" and site.name not in batch and not hasattr(model, "function"):
            raise DataError(
                f"{_label(model)}.{site.name}: the data do not contain this observed site",
                expected=f"a tensor under the key {site.name!r}",
                got=f"keys {sorted(batch)}",
                fix=f'data={{"{site.name}": tensor}}',
            )


def _run(program: Any, batch: Mapping[str, Tensor], role: str) -> Any:
    """Trace a program with all checks on, leaving no mark on it."""
    modules = program if isinstance(program, nn.Module) else nn.Module()
    training = modules.training
    modules.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(), validation(True), pyro.poutine.block():
            return pyro.poutine.trace(program).get_trace(batch, None)
    except PpgenError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        given = ", ".join(f"{name}: {describe_tensor(value)}" for name, value in batch.items()) or "an empty batch"
        reason = str(error).strip().splitlines()
        raise DeclarationError(
            f"{_label(program)}: the {role} cannot run on this batch "
            f"({type(error).__name__}: {reason[0] if reason else 'no message'})",
            expected=f"a {role} that runs on one minibatch",
            got=given,
            fix="check shapes and dtypes against the networks' and the plate's; pass the minibatch, not the whole "
            'data set, and write pyro.plate("data", size, subsample_size=len(x))',
        ) from error
    finally:
        modules.train(training)


def _check_names(model: Any, guide: Any, latents: Mapping[str, Any], drawn: Mapping[str, Any]) -> None:
    missing = [name for name in latents if name not in drawn]
    if missing:
        raise DeclarationError(
            f"{_label(guide)}: the guide has no site for the latent variable {missing[0]!r} of {_label(model)}",
            expected=f"guide sites {sorted(latents)}",
            got=f"guide sites {sorted(drawn)}",
            fix=f"@ppgen.latent def {missing[0]}(self, x): return dist.Normal(...).to_event(1)",
        )
    surplus = [name for name in drawn if name not in latents and not drawn[name]["infer"].get("is_auxiliary")]
    if surplus:
        raise DeclarationError(
            f"{_label(guide)}: the guide draws {surplus[0]!r}, which is no latent variable of {_label(model)}",
            expected=f"guide sites {sorted(latents)}",
            got=f"guide sites {sorted(drawn)}",
            fix=f"remove {surplus[0]!r}, rename it, or mark it auxiliary: infer={{'is_auxiliary': True}}",
        )


def _check_pair(owner: str, name: str, model_node: Any, guide_node: Any, rows: int) -> None:
    p, q, where = model_node["fn"], guide_node["fn"], f"{owner}.{name}"
    if tuple(p.event_shape) != tuple(q.event_shape):
        raise DeclarationError(
            f"{where}: the guide's event shape is not the model's",
            expected=f"event shape {list(p.event_shape)}, as {name_of(p)} has in the model",
            got=f"{name_of(q)} with event shape {list(q.event_shape)} and batch shape {list(q.batch_shape)}",
            fix=f"return a distribution over {list(p.event_shape)}, with .to_event({len(p.event_shape)})",
        )
    if tuple(guide_node["value"].shape) != tuple(model_node["value"].shape):
        raise DeclarationError(
            f"{where}: the guide draws another shape than the model",
            expected=f"values of shape {list(model_node['value'].shape)}",
            got=f"{list(guide_node['value'].shape)}",
            fix="check surplus batch dims of the guide's distribution, and that both stand in the same plates",
        )
    value = guide_node["value"]
    point = name_of(q) == "Delta"
    if not bool(p.support.check(value).all()) or (not point and not _covers(p.support, q)):
        raise DeclarationError(
            f"{where}: the guide's support is not the model's",
            expected=f"{support_name(p.support)}, as {name_of(p)} has in the model",
            got=f"{name_of(q)} over {support_name(q.support)}",
            fix=f"a distribution on that support: ppgen.guides.MeanField(model), or "
            f"dist.TransformedDistribution(q, [biject_to(p.support)]) for {name!r}",
        )
    if model_node["scale"] != guide_node["scale"]:
        raise DeclarationError(
            f"{where}: model and guide scale this site differently",
            expected=f"scale {float(model_node['scale']):g}, as in the model",
            got=f"scale {float(guide_node['scale']):g}",
            fix="use the same plate size (and poutine.scale) in both; for a beta-VAE use ppgen.ELBO(beta=...)",
        )


def _covers(support: Any, q: Any) -> bool:
    """Whether a guide's support is the model's, up to a set of measure zero.

    An affine transform does not know the interval it maps to and says "real": its draws were checked instead.
    """
    try:
        _ = q.support
    except NotImplementedError:
        return True  # a flow that does not say: its draws were checked instead
    kinds = [support_name(s).replace("non-negative numbers", "positive numbers") for s in (support, q.support)]
    return kinds[0] == kinds[1] or (name_of(q) == "TransformedDistribution" and kinds[1] == "real numbers")
