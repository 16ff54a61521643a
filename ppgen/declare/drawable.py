"""Distributions that read the value they are observed at: nothing can be drawn from them, and they have no density."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.context import validation
from ppgen.declare.batch import batch_rows
from ppgen.declare.look import label_of, look, random_sites
from ppgen.declare.parameters import ProgramModule
from ppgen.declare.program import ProgramPart
from ppgen.declare.supports import is_delta, unwrapped
from ppgen.errors import DeclarationError, PpgenError

__all__ = ["verify_drawable"]


def verify_drawable(model: ProgramModule, batch: Mapping[str, Tensor], size: int | None, trace: Any) -> None:
    """Check that no observed value is among what its own distribution is computed from.

    ``Normal(decoder(encoder(x)), 1)`` observed at x, or ``Normal(x.mean(), 1)`` over all rows, integrates to one for no
    x: what it counts is no log-density, and grows without bound as the network learns the identity. A value may follow
    those before it, in time or in an event. Found by replay: some values are exchanged for others of the data, one
    for each row (one in all where the rows are taken whole), and each value as it was must count as it did.

    Args:
        model: the model; only a hand-written program sees the values of its own sites.
        batch: tensors ``[rows, ...]`` by site and covariate, that the trace is of.
        size: number of data points that the batch is a part of.
        trace: of the model.

    Raises:
        DeclarationError: naming the site.
    """
    if not isinstance(model, ProgramPart) or not batch or batch_rows(batch, None) < 2:
        return
    for name, node in random_sites(trace).items():
        base = unwrapped(node["fn"])
        for column in _columns(node, batch):
            for chosen in _choices(batch[column], base.event_dim, one_in_all=model.is_whole):
                after = _rerun(model, {**batch, column: _exchanged(batch[column], chosen)}, size, trace, name)
                if after is None or not _only_these(node["value"] != after["value"], chosen):
                    continue  # the site observes another column, or what is computed
                if _counts_as_before(after, node, chosen):
                    continue
                again = _rerun(model, batch, size, trace, name)
                if again is not None and _counts_as_before(again, node, chosen):  # else it draws numbers of no site
                    raise DeclarationError(
                        f"{label_of(model)}.{name}: the distribution of a value is computed from that value itself",
                        expected="a distribution that is there before its value is",
                        got="another distribution of a value when that value alone is another",
                        fix="compute it from latents, covariates and earlier values: "
                        'z = pyro.sample("z", ...), and pyro.sample("x", Normal(decoder(z), 1), obs=x); '
                        "an encoder of x belongs into the guide",
                        code="M078",
                    )


def _columns(node: Any, batch: Mapping[str, Tensor]) -> list[str]:
    """What the observed site may have been given as its value; a Delta is no density of it in any case."""
    is_value = node["is_observed"] and not is_delta(node["fn"])
    return [name for name, given in batch.items() if is_value and given.shape == node["value"].shape]


def _choices(values: Tensor, event_dim: int, one_in_all: bool) -> list[Tensor]:
    """Which values are exchanged, a mask [rows, ...] without the event for each run: one of each row, or one in all."""
    differ = _by_event(values != values.roll(1, 0), event_dim)
    noise = torch.rand(differ.shape, generator=torch.Generator().manual_seed(0)) * differ.cpu()
    by_row = noise.reshape(len(noise), -1)
    if not by_row.numel():
        return []
    place = torch.zeros_like(by_row, dtype=torch.bool).scatter_(1, by_row.argmax(1, keepdim=True), True) & (by_row > 0)
    rows = place.any(1).nonzero()[:, 0].tolist()
    if one_in_all:
        alone = [place & (torch.arange(len(place)) == row)[:, None] for row in sorted({*rows[:1], *rows[-1:]})]
        return [one.view(differ.shape) for one in alone]
    return [place.view(differ.shape)] if rows else []


def _by_event(mask: Tensor, event_dim: int) -> Tensor:
    return mask.flatten(-event_dim).any(-1) if event_dim else mask


def _exchanged(values: Tensor, chosen: Tensor) -> Tensor:
    """The data with the chosen values taken from the row before."""
    event = [1] * (values.dim() - chosen.dim())
    return torch.where(chosen.to(values.device).view(*chosen.shape, *event), values.roll(1, 0), values)


def _rerun(model: ProgramModule, batch: Mapping[str, Tensor], size: int | None, trace: Any, name: str) -> Any:
    """The site in a run on other data with the same latents; ``None`` where the program does not run on them."""
    try:
        return random_sites(look(model, batch, size, trace)).get(name)
    except PpgenError:
        return None


def _only_these(changed: Tensor, chosen: Tensor) -> bool:
    return torch.equal(_by_event(changed, changed.dim() - chosen.dim()).cpu(), chosen)


def _counts_as_before(after: Any, before: Any, chosen: Tensor) -> bool:
    """Whether the chosen values, as they were, count the same under the distribution of another run."""
    with validation(False), torch.no_grad():
        found, wanted = (unwrapped(node["fn"]).log_prob(before["value"]) for node in (after, before))
    place = chosen.to(found.device)
    return found.shape != wanted.shape or torch.allclose(found[place], wanted[place], 1e-3, 1e-3, equal_nan=True)
