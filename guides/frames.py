"""The frame of a latent's free coordinates: where a fit begins, and the unit in which it moves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Frame"]


class Frame(nn.Module):
    """``u = center + unit v``: a guide learns a distribution of v, and hands on the one of u.

    Adam moves every number by about the learning rate, whatever its scale. A location around 300 with a spread of 40
    is out of reach for steps of 0.01, and a slope that is known to 1e-4 is lost in them. So a latent that depends on
    nothing that has been standardised is learned in units of its own: of its prior, or of the posterior's curvature.

    A frame is no parameter: it is fixed before the first step, and kept with the weights. It begins as the identity.

    Args:
        num_free: free coordinates.
        num_before: free coordinates of the latents before it, which its unit may take along: unit is then a matrix,
            [num_free, num_before + num_free]; ``None``: one number a coordinate, [num_free].
    """

    center: Tensor
    unit: Tensor

    def __init__(self, num_free: int, num_before: int | None = None) -> None:
        super().__init__()
        unit = torch.ones(num_free) if num_before is None else torch.eye(num_before + num_free)[num_before:]
        self.register_buffer("center", torch.zeros(num_free))
        self.register_buffer("unit", unit)

    @property
    def scale(self) -> Tensor:
        """What one step of v is in each coordinate of u, given the coordinates before it: [num_free]."""
        if self.unit.dim() == 1:
            return self.unit
        return self.unit.diagonal(self.unit.shape[1] - self.unit.shape[0])

    @torch.no_grad()
    def put(self, center: Tensor, unit: Tensor) -> None:
        """Begin elsewhere.

        Args:
            center: [num_free].
            unit: as of the frame; one number a coordinate, [num_free], leaves coordinates on their own.
        """
        if unit.dim() < self.unit.dim():
            rows, columns = self.unit.shape
            unit = torch.cat([unit.new_zeros(rows, columns - rows), unit.diag_embed()], 1)
        self.center.copy_(center)
        self.unit.copy_(unit)

    def forward(self, loc: Tensor, before: Tensor | None = None) -> Tensor:
        """The location of u, [..., num_free].

        Args:
            loc: of v, [..., num_free].
            before: of v, for the latents before it, [num_before].
        """
        if self.unit.dim() == 1:
            return self.center + self.unit * loc
        return self.center + self.unit @ (loc if before is None else torch.cat([before, loc]))
