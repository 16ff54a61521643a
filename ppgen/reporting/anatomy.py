"""The anatomy of an ELBO: distortion, the rate of each latent, and the KL of each of its dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppgen.errors import Unanswerable
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import (
    INK,
    MUTED,
    PALETTE,
    STONE,
    Axes,
    MaybeAxes,
    epoch_axis,
    house_style,
    label_line_ends,
    numeral,
    panels,
)

__all__ = ["anatomy"]

_SPLITS = {"valid": "validation", "train": "training"}
_RATE, _DIMENSIONS, _ACTIVE = "rate/", "kl_per_dimension/", "active_units/"


def anatomy(history: Sequence[Mapping[str, Any]], *, ax: MaybeAxes = None) -> Illustration:
    """Draw ``-ELBO = distortion + rate`` over the epochs, and the last epoch's KL by dimension.

    The distortion is ``-E_q[log p(x | z)]``, the rate of a latent ``KL(q(z | x) || p(z))``, both in nats per datum
    (Alemi et al. 2018, *Fixing a Broken ELBO*).

    Args:
        history: ``fit.history`` of a fit that has an ELBO. Validation rows are drawn where there are any, else those
            of training.
        ax: to draw in; default: a new figure.

    Returns:
        Left, the two parts stacked (drawn as lines where a part is negative, as a density's may be); right, one bar a
        latent dimension, sorted.

    Raises:
        Unanswerable: if the history holds no rate: this fit has no ELBO.
    """
    split = next((split for split in _SPLITS if any(_by_site(row, split, _RATE) for row in history)), None)
    if split is None:
        raise Unanswerable(
            "this history holds no rate, so there is no ELBO to take apart",
            fix="fit a model with latent sites and a guide, under ppgen.ELBO()",
            code="U018",
        )
    rows = [row for row in history if _by_site(row, split, _RATE)]
    latents = list(_by_site(rows[0], split, _RATE))
    epochs = [float(row["epoch"]) for row in rows]
    parts = {"distortion": [float(row[split].get("distortion", 0.0)) for row in rows]}
    parts |= {f"rate of {latent}": [float(row[split][_RATE + latent]) for row in rows] for latent in latents}
    dimensions = _last(history, _DIMENSIONS)
    active = {key: int(value) for key, value in _last(history, _ACTIVE).items()}

    # A point guide has no entropy, so that its log p(x, z) is no bound and is not called one.
    whole = "log p(x, z)" if any("log_joint" in row[split] for row in rows) else "ELBO"

    with house_style():
        left, *right = panels(ax, (6.4 if dimensions else 3.4, 2.5), columns=2 if dimensions else 1, gap=0.06)[0]
        _draw_parts(left, epochs, parts, whole)
        for axes in right:
            _draw_dimensions(axes, dimensions, active, latents)

    amounts = " + ".join(f"{name} {numeral(values[-1], 1)}" for name, values in parts.items())
    total = sum(values[-1] for values in parts.values())
    caption = (
        f"Negative {whole} {numeral(total, 1)} = {amounts} nats per datum, at the last epoch on {_SPLITS[split]} data."
    )
    caption += "".join(
        f" {active[latent]} of {len(values)} units of {latent} are active."
        for latent, values in dimensions.items()
        if latent in active
    )
    return Illustration(left.figure, f"Anatomy of the {whole}: {caption}", caption)


def _draw_parts(axes: Axes, epochs: list[float], parts: Mapping[str, list[float]], whole: str) -> None:
    """Stacked areas when every part is a length, lines otherwise; names at the right end."""
    colours = [STONE, *PALETTE]
    ends = []
    if len(epochs) > 1 and all(value >= 0.0 for values in parts.values() for value in values):
        areas = axes.stackplot(epochs, *parts.values(), colors=[*colours[: len(parts)]], alpha=0.75, linewidth=0)
        base = 0.0
        for (name, values), colour, area in zip(parts.items(), colours, areas, strict=False):
            area.set_label(name)
            ends.append((epochs[-1], base + values[-1] / 2, name, MUTED if colour == STONE else colour))
            base += values[-1]
        totals = [sum(values[step] for values in parts.values()) for step in range(len(epochs))]
        axes.plot(epochs, totals, color=INK, linewidth=1.2, label=f"negative {whole}")
        ends.append((epochs[-1], base, f"−{whole}", INK))
        axes.set_ylim(0.0, max(totals) * 1.05)
    else:
        for (name, values), colour in zip(parts.items(), colours, strict=False):
            axes.plot(epochs, values, color=colour, label=name, marker="o" if len(epochs) == 1 else None)
            ends.append((epochs[-1], values[-1], name, colour))
    axes.margins(x=0.0 if len(epochs) > 1 else 0.5)
    epoch_axis(axes)
    axes.set(ylabel="nats per datum", title="Distortion and rate")
    label_line_ends(axes, ends)


def _draw_dimensions(
    axes: Axes, dimensions: Mapping[str, list[float]], active: Mapping[str, int], latents: Sequence[str]
) -> None:
    """One bar a dimension, sorted within its latent; latents side by side in the colour that they have on the left."""
    from matplotlib.ticker import MaxNLocator

    start = 0
    for latent, values in dimensions.items():
        ordered = sorted((float(value) for value in values), reverse=True)
        colour = PALETTE[latents.index(latent) % len(PALETTE)] if latent in latents else PALETTE[0]
        axes.bar(range(start, start + len(ordered)), ordered, width=0.82, color=colour, alpha=0.75, label=latent)
        text = latent if latent not in active else f"{latent}: {active[latent]} of {len(ordered)} active"
        axes.annotate(text, (start - 0.4, max(ordered)), xytext=(0, 4), textcoords="offset points", color=colour)
        start += len(ordered) + 1
    axes.set(title="KL by latent dimension, sorted", ylabel="nats per datum", xticks=[])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    # A collapsed code must look collapsed, so the axis never zooms into less than a tenth of a nat.
    highest = max((float(value) for values in dimensions.values() for value in values), default=0.0)
    axes.set_ylim(0.0, max(1.15 * highest, 0.1))
    axes.spines["bottom"].set_visible(False)


def _by_site(row: Mapping[str, Any], split: str, prefix: str) -> dict[str, Any]:
    """The values of a row whose key starts with ``prefix``, by the site that follows it."""
    return {key.removeprefix(prefix): value for key, value in row.get(split, {}).items() if key.startswith(prefix)}


def _last(history: Sequence[Mapping[str, Any]], prefix: str) -> dict[str, Any]:
    """The most recent values whose key starts with ``prefix``, by site."""
    found = (_by_site(row, split, prefix) for row in reversed(history) for split in _SPLITS)
    return next((values for values in found if values), {})
