"""What a mask leaves out of a latent: the same in model and guide, and nothing that another site depends on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pyro.distributions.util import scale_and_mask
from torch import Tensor

from ppgen.declare.look import look, random_sites
from ppgen.declare.parameters import ProgramModule
from ppgen.errors import DeclarationError

__all__ = ["find_read_noise", "verify_masks"]


def verify_masks(guide: str, trace: Any, drawn: Any) -> None:
    """Check that model and guide count the same elements of every latent.

    A mask may be of rows or of parts of an event, by ``poutine.mask`` or the distribution's own, and may depend on
    what was drawn before: what matters is which numbers count.

    Args:
        guide: its name, for the message.
        trace: of the model on the guide's draws, since a mask may depend on them.
        drawn: the guide's trace.

    Raises:
        DeclarationError: naming the site.
    """
    draws = random_sites(drawn)
    for name in (name for name in random_sites(trace) if name in draws):
        counted, by_guide = _counted(trace.nodes[name]), _counted(draws[name])
        if not torch.equal(counted, by_guide):
            raise DeclarationError(
                f"{guide}.{name}: the model masks this site and the guide does not, or otherwise: "
                "what is drawn and not counted would lift the bound above log p(x)",
                expected=f"the model's mask, {_in_words(counted)}",
                got=_in_words(by_guide),
                fix="in the guide, as in the model: return q.mask(mask); a derived guide copies the mask of a site "
                "whose method in the model returns p.mask(mask)",
                code="M006",
            )


def find_read_noise(model: ProgramModule, batch: Mapping[str, Tensor], size: int | None, trace: Any, drawn: Any) -> str:
    """A latent with values that a mask leaves out and that another site's density depends on; ``""`` if there is none.

    Such values are noise that no density counts. Where a density reads them, the guide may choose them as it likes,
    at no cost: what would be reported as a bound can lie above log p(x). Found by replay: the model runs once more
    with draws of its own in their place, and what is counted must stay as it is.

    Args:
        model: the model.
        batch: tensors ``[rows, ...]`` by site and covariate.
        size: number of data points that the batch is a part of.
        trace: of the model, on the guide's draws.
        drawn: the guide's trace, if there is a guide.
    """
    if drawn is None:
        return ""
    before, draws = random_sites(trace), random_sites(drawn)
    latents = [name for name, node in draws.items() if name in before and not node["is_observed"]]
    for name in latents:
        counted = _counted(before[name])
        if bool(counted.all()):
            continue
        changed = drawn.copy()
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            other = before[name]["fn"]().expand(counted.shape)
        value = torch.where(counted, before[name]["value"].detach(), other)
        changed.nodes[name] = {**drawn.nodes[name], "value": value}
        after = look(model, batch, size, replayed=changed)
        densities = [(_density(node), _density(random_sites(after)[site])) for site, node in before.items()]
        if not all(torch.allclose(*both, rtol=1e-4, atol=1e-5, equal_nan=True) for both in densities):
            return name
    return ""


def _density(node: Any) -> Tensor:
    """What a site counts, [*plates]."""
    return scale_and_mask(node["fn"].log_prob(node["value"]), 1.0, node["mask"])


def _counted(node: Any) -> Tensor:
    """Which numbers of a site's value count, [*plates, *event]: by ``poutine.mask`` and by the distribution's own."""
    value, fn = node["value"], node["fn"]
    counted = torch.ones(value.shape, dtype=torch.bool, device=value.device)
    for mask, event_dim in [(node["mask"], fn.event_dim), *_own_masks(fn)]:
        if mask is not None:
            tensor = torch.as_tensor(mask, device=value.device)
            counted = counted & tensor.reshape(tensor.shape + (1,) * (event_dim if tensor.dim() else 0))
    return counted


def _own_masks(fn: Any) -> list[tuple[Any, int]]:
    """The masks inside a distribution, and how many dims to the right of them are of the event."""
    found = []
    while type(fn).__name__ in ("Independent", "ExpandedDistribution", "MaskedDistribution"):
        if type(fn).__name__ == "MaskedDistribution":
            found.append((fn._mask, fn.event_dim))
        fn = fn.base_dist
    return found


def _in_words(counted: Tensor) -> str:
    return "no mask" if bool(counted.all()) else f"which counts {int(counted.sum())} of {counted.numel()} elements"
