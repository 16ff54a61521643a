"""The mode map: data and draws in a plane over the surface of the critic's scores."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ppgen.context import evaluating
from ppgen.errors import Unanswerable
from ppgen.fitted import Fit
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import INK, PALETTE, MaybeAxes, house_style, panels

__all__ = ["mode_map"]

_DRAWS, _PLACES = 1000, 101


def mode_map(fit: Fit, data: Tensor, *, seed: int = 0, ax: MaybeAxes = None) -> Illustration:
    """Draw which modes of the data a generator reaches, and where its critic still sees a difference.

    Args:
        fit: of an implicit model of points in a plane, by ``Adversarial``.
        data: [N, 2]; the first thousand are drawn.
        seed: of the draws.
        ax: to draw in; default: a new figure.

    Raises:
        Unanswerable: if there is no critic, or the data are no points in a plane.
    """
    critic = fit.state.networks.get("critic")
    if critic is None or data.dim() != 2 or data.shape[1] != 2:
        raise Unanswerable(
            "mode map: points in a plane and a critic of them are needed",
            expected="data [N, 2], and a fit by ppgen.Adversarial()",
            got=f"data {list(data.shape)}, networks {', '.join(fit.state.networks) or 'none'}",
            fix="fit.plot.samples()",
            code="U053",
        )
    draws = fit.sample(_DRAWS, seed=seed).only.cpu().numpy()
    points = data[:_DRAWS].cpu().numpy()
    reach = 1.15 * float(np.abs(points).max())
    axis = np.linspace(-reach, reach, _PLACES)
    across, up = np.meshgrid(axis, axis)
    with evaluating(fit.model, critic):
        places = torch.as_tensor(np.stack([across.ravel(), up.ravel()], axis=1)).to(next(critic.parameters()))
        scores = critic(places).reshape(across.shape).cpu().numpy()
    with house_style():
        ((axes,),) = panels(ax, (4.6, 4.2))
        surface = axes.contourf(across, up, scores, levels=15, cmap="Greys", alpha=0.6)
        axes.figure.colorbar(surface, ax=axes, label="critic's score", shrink=0.8)
        axes.scatter(*points.T, s=6, color=PALETTE[0], linewidths=0, label="data")
        axes.scatter(*draws.T, s=10, color=PALETTE[1], marker="x", linewidths=0.7, label="draws")
        axes.set_aspect("equal")
        axes.set(xlabel="x₁", ylabel="x₂", xlim=(-reach, reach), ylim=(-reach, reach))
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, labelcolor=INK)
    said = f"{len(points)} data and {len(draws)} draws over the critic's scores, the darker the higher"
    return Illustration(axes.figure, f"{said}.", f"{said}.")
