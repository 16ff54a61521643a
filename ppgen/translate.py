"""Translation: what images of one domain would be in another; ``fit.translate``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.checked import checked
from ppgen.context import evaluating, seeded, validation
from ppgen.data.conversion import to_column
from ppgen.declare import Site, covariate_names, label_of
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.fitted import Fit

__all__ = ["must_translate", "translate", "translated_rows", "translations"]

_ROWS = 256


@checked
def translate(self: Fit, data: Any = None, *, site: str | None = None, seed: int = 0) -> Tensor:
    """Images as the model translates them: for models whose sites answer to images that are given.

    Args:
        data: what is to be translated, [N, *event], or a mapping by covariate where there are several; default: the
            test split, of a domain by itself where there are such.
        site: which translation, by the site that makes it, ``"to_a"``; default: the first.
        seed: of the draws, where the model draws any.

    Returns:
        [N, *event] of that site, on the CPU.

    Raises:
        Unanswerable: for a model that translates nothing.
        SettingError: for a site that is no translation.
        DataError: for images that are not of the model, or not finite.

    Example:
        >>> import ppgen
        >>> digits = ppgen.data.paired(ppgen.data.load("digits", binarize=None), "half")
        >>> fit = ppgen.fit(ppgen.models.Pix2Pix((1, 8, 8)), digits, max_epochs=1, progress=False)
        >>> fit.translate(torch.rand(3, 1, 8, 8)).shape
        torch.Size([3, 1, 8, 8])
    """
    chosen = _chosen(self, site)
    given = _given(self, chosen, data)
    pieces = []
    with seeded(seed, self.device), evaluating(self.model), validation(True):
        for start in range(0, len(next(iter(given.values()))), _ROWS):
            batch = {name: value[start : start + _ROWS] for name, value in given.items()}
            pieces.append(_drawn(self.model, chosen, batch).cpu())
    return torch.cat(pieces)


def translations(fit: Fit) -> dict[str, Site]:
    """The sites of a fit's model that translate: implicit ones that are told an image; empty where there are none.

    Args:
        fit: of any model.
    """
    columns, told = fit.data.columns, covariate_names(fit.model.sites)
    images = {name for name in told if name in columns and columns[name].kind == "image"}
    sites = fit.model.sites.items()
    return {name: site for name, site in sites if site.role == "implicit" and images.intersection(site.parents)}


def must_translate(fit: Fit) -> dict[str, Site]:
    """The translations of a fit's model.

    Args:
        fit: of any model.

    Raises:
        Unanswerable: if there are none.
    """
    if not (known := translations(fit)):
        raise Unanswerable(
            f"translate: {label_of(fit.model)} translates nothing",
            expected="an implicit site that is told an image, def x(self, given)",
            got=", ".join(f"{each.role} {name}" for name, each in fit.model.sites.items()),
            fix="ppgen.models.Pix2Pix for pairs, ppgen.models.CycleGAN for unpaired domains",
            code="U067",
        )
    return known


def _chosen(fit: Fit, site: str | None) -> Site:
    known = must_translate(fit)
    if site is not None and site not in known:
        raise SettingError(
            f"translate: {label_of(fit.model)} has no such translation",
            expected=", ".join(f"{name} (given {', '.join(each.parents)})" for name, each in known.items()),
            got=f"site={site!r}",
            fix=f"site={next(iter(known))!r}",
            code="S219",
        )
    return known[site or next(iter(known))]


def _given(fit: Fit, site: Site, data: Any) -> dict[str, Tensor]:
    """Values of all that the site is told, on the device, [N, ...] each."""
    names = [name for name in site.parents if name in fit.model.covariates]
    if data is None:
        rows = {name: _test_rows(fit, name) for name in names}
    elif isinstance(data, Mapping):
        rows = {name: data[name] for name in names if name in data}
    else:
        rows = {names[0]: data}
    like = fit.data.representative_rows()
    for name in names:
        value = rows.get(name)
        if not isinstance(value, Tensor) or value.shape[1:] != like[name].shape[1:] or not len(value):
            raise DataError(
                f"translate: {name} is not what {label_of(fit.model)} translates",
                expected=f"a tensor [N{''.join(f', {side}' for side in like[name].shape[1:])}]",
                got=f"shape {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__,
                fix="images.unsqueeze(0) for a single one, and as large as those of the training",
                code="D116",
            )
    return {name: to_column(name, rows[name]).to(fit.device, like[name].dtype) for name in names}


def translated_rows(fit: Fit, site: str | None = None) -> Tensor:
    """The test images that a translation is of, each once, [N, *event] on the CPU.

    Args:
        fit: of a model that translates.
        site: which translation; default: the first.
    """
    chosen = _chosen(fit, site)
    return next(_test_rows(fit, name).cpu() for name in chosen.parents if name in fit.model.covariates)


def _test_rows(fit: Fit, name: str) -> Tensor:
    """Each test row of a column once: unpaired domains answer for themselves."""
    own = fit.data.domains.get(fit.data.columns[name].domain)
    return fit.data.split("test")[name] if own is None else own.split("test")["x"]


def _drawn(model: Any, site: Site, batch: dict[str, Tensor]) -> Tensor:
    """The site's value: by itself where nothing is drawn before it, since other translations wait for other images."""
    if set(site.parents) <= set(batch):
        return model.call_site(site, batch, {})
    return model(batch, len(next(iter(batch.values()))))[site.name]
