"""Panels of translations: what is given, what is made of it, and the truth or the way back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.declare import Site
from ppgen.fitted import Fit
from ppgen.reporting.grids import grids
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import MaybeAxes
from ppgen.translate import must_translate, translate

__all__ = ["translation_figure"]

_EXAMPLES = 8


def translation_figure(fit: Fit, test: Mapping[str, Tensor], ax: MaybeAxes = None) -> Illustration:
    """Test images above their translations; below, the truth of pairs, or the way back of a cycle.

    Args:
        fit: of a model that translates.
        test: the test split in some order, [N, ...] each; of pairs, rows belong together.
        ax: to draw in; default: a new figure.

    Returns:
        A panel for each translation of the model.

    Raises:
        Unanswerable: if it has none.

    Example:
        >>> import ppgen
        >>> digits = ppgen.data.paired(ppgen.data.load("digits", binarize=None), "half")
        >>> fit = ppgen.fit(ppgen.models.Pix2Pix((1, 8, 8)), digits, max_epochs=1, progress=False)
        >>> translation_figure(fit, fit.data.split("test")).alt
        '24 pictures.'
    """
    sites = must_translate(fit)
    lines = {name: _lines(fit, site, test) for name, site in sites.items()}
    channels = max(line.shape[1] for every in lines.values() for line in every.values())
    labels = list(next(iter(lines.values())))
    tiles = {}
    for name, site in sites.items():
        title = f"{_told(site)} → {fit.model.column_of(name)}" if len(sites) > 1 else ""
        tiles[title] = torch.cat([_in_channels(line, channels) for line in lines[name].values()])
    count = len(lines[name][labels[0]])
    drawn = grids(tiles, columns=count, row_labels=labels, ax=ax)
    last = {"truth": ", and what it is in truth", "way back": ", and that translated back"}.get(labels[-1], "")
    caption = f"Test images, what the model makes of each{last}. {drawn.caption}"
    return dataclasses.replace(drawn, caption=caption.strip())


def _in_channels(line: Tensor, channels: int) -> Tensor:
    """Grey pictures among colours as colours."""
    return line.expand(-1, channels, -1, -1) if line.shape[1] == 1 else line


def _told(site: Site) -> str:
    return site.parents[-1]


def _lines(fit: Fit, site: Site, test: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rows of pictures by what they are, [n, C, H, W] each."""
    told, column = _told(site), fit.model.column_of(site.name)
    given = {name: test[name][:_EXAMPLES] for name in site.parents if name in test}
    made = translate(fit, given, site=site.name)
    lines = {"given": given[told].cpu(), "translation": made}
    back = [other for other in must_translate(fit).values() if other.parents == (column,)]
    if back:
        lines["way back"] = translate(fit, made, site=back[0].name)
    elif column in test and not fit.data.domains:
        lines["truth"] = test[column][:_EXAMPLES].cpu()
    return lines
