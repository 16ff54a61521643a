"""What a density is of: the sites that it explains, what it is given, and which dimensions it counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyro
import torch
from torch import Tensor

from ppgen.context import preserved_state
from ppgen.data import Dataset
from ppgen.data.column import lengths_of
from ppgen.data.dataset import main_site
from ppgen.declare import chunks, without_latents

__all__ = ["counted_dims", "measure_of_mass", "name_of_density", "num_counted", "seen_part"]

_ROWS = 512  # of a run that looks for masks


def seen_part(batch: Mapping[str, Tensor], main: str, covariates: Iterable[str]) -> tuple[str, str] | None:
    """The two covariates that copy values of ``main`` and say which, such as ``given`` and ``mask`` of quadrants.

    Told by their values: a mask of zeros and ones, and ``main`` times it. A model that reads both has no more to
    explain than what the mask leaves open.

    Args:
        batch: tensors [N, ...] by site and covariate.
        main: the site that the data set is about.
        covariates: that the model reads.

    Returns:
        The names of the copy and of the mask, or ``None``.

    Example:
        >>> mask = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
        >>> x = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
        >>> seen_part({"x": x, "given": x * mask, "mask": mask}, "x", ["given", "mask"])
        ('given', 'mask')
    """
    x = batch.get(main)
    if x is None:
        return None
    alike = {key: batch[key].to(x.device) for key in covariates if key in batch and batch[key].shape == x.shape}
    for name, mask in alike.items():
        if ((mask == 0) | (mask == 1)).all() and (mask == 1).any() and (mask == 0).any():
            for other, copy in alike.items():
                if other != name and torch.equal(copy.to(x.dtype), torch.where(mask == 1, x, torch.zeros_like(x))):
                    return other, name
    return None


def name_of_density(observed: Iterable[str], covariates: Iterable[str], main: str, seen: Iterable[str] | None) -> str:
    """A density as a reader would write it.

    Args:
        observed: the sites that the model explains.
        covariates: what it reads of the data without explaining it.
        main: the site that the data set is about.
        seen: the covariates that copy a part of it, if there are such.

    Example:
        >>> name_of_density(["x"], ["y"], "x", None)
        'p(x | y)'
        >>> name_of_density(["x"], ["given", "mask", "y"], "x", ("given", "mask"))
        'p(unseen | seen, y)'
    """
    explained, given = list(observed), list(covariates)
    if seen is not None:
        copies = set(seen)
        explained = ["unseen" if name == main else name for name in explained]
        given = ["seen", *(name for name in given if name not in copies)]
    return f"p({', '.join(explained)}{' | ' if given else ''}{', '.join(given)})"


def measure_of_mass(data: Dataset, explained: Sequence[str]) -> str:
    """The measure of a discrete density: of the data's main site if that is explained, else of what is.

    Classes given numbers have probabilities, however continuous the numbers are; so have 17 levels of grey.

    Args:
        data: the data set.
        explained: the columns that the model explains; what it computes of them first has a name of its own.

    Example:
        >>> from ppgen.data import from_tensors
        >>> data = from_tensors({"x": torch.randn(9, 2), "y": torch.arange(9) % 3})
        >>> measure_of_mass(data, ["y"])
        'integer'
    """
    found = {data.columns[name].measure if name in data.columns else data.measure for name in explained}
    if main_site(data.splits["train"]) in explained:
        found = {data.measure}
    return found.pop() if len(found) == 1 and found <= {"binary", "8-bit", "integer"} else "integer"


def counted_dims(batch: Mapping[str, Tensor], main: str, covariates: Iterable[str]) -> Tensor:
    """Which dimensions of each data point are left to explain: [N, *event] of bools.

    Not counted are the part that is seen, and what lies behind the end of a sequence whose length is given.

    Args:
        batch: tensors [N, ...] by site and covariate.
        main: the one site that the model explains.
        covariates: that it reads.

    Example:
        >>> x = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
        >>> counted_dims({"x": x, "x_lengths": torch.tensor([1, 2])}, "x", ["x_lengths"])
        tensor([[ True, False],
                [ True,  True]])
    """
    covariates, x = list(covariates), batch[main]
    counted = torch.ones(x.shape, dtype=torch.bool, device=x.device)
    if (seen := seen_part(batch, main, covariates)) is not None:
        counted &= batch[seen[1]].to(x.device) == 0
    lengths = lengths_of(main, batch)
    if lengths in covariates and lengths is not None:
        within = torch.arange(x.shape[1], device=x.device) < batch[lengths].to(x.device).unsqueeze(-1)
        counted &= within.reshape(*within.shape, *[1] * (x.dim() - 2))
    return counted


def num_counted(model: Any, batch: Mapping[str, Tensor], main: str, covariates: Iterable[str]) -> int:
    """How many dimensions a density of one site counts; 0 where that is no one number for all data points.

    Args:
        model: the model, whose likelihood may have a mask of its own.
        batch: tensors [N, ...] by site and covariate.
        main: the one site that the model explains.
        covariates: that it reads.
    """
    if main not in batch or _has_mask(model, batch, main):
        return 0
    counts = counted_dims(batch, main, covariates).flatten(1).sum(1) if batch[main].dim() > 1 else torch.ones(1)
    return int(counts[0]) if bool((counts == counts[0]).all()) else 0


def _has_mask(model: Any, batch: Mapping[str, Tensor], main: str) -> bool:
    """Whether the model leaves out elements of a site's density, in any row."""
    given = without_latents(model, batch)  # which may be missing in some rows
    is_one_piece = any(not site.local for site in model.sites.values())  # as a bound with a global latent is
    for piece in [given] if is_one_piece else chunks(given, _ROWS):
        masks = _masks(model, piece, main, len(batch[main]))
        if not masks:
            return False  # what has no mask in some rows has none in the others
        if not all(bool(mask.all()) for mask in masks):
            return True
    return False


def _masks(model: Any, batch: Mapping[str, Tensor], main: str, size: int) -> list[Tensor]:
    """The masks around and inside the distribution of a site, of a run of the model on some rows."""
    tracer = pyro.poutine.trace()
    with preserved_state(model), torch.no_grad(), tracer:
        model(batch, size)
    site = next((site for site in model.sites if model.column_of(site) == main), main)
    node: Any = tracer.trace.nodes.get(site)
    if node is None:
        return []
    found, fn = [node["mask"]], node["fn"]
    while fn is not None:
        found.append(getattr(fn, "_mask", None))
        fn = getattr(fn, "base_dist", None)
    return [torch.as_tensor(mask) for mask in found if mask is not None]
