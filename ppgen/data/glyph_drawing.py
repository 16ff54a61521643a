"""Characters placed and drawn in images of 28x28 pixels, from factors that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ppgen.data.glyph_faces import outline

__all__ = ["PLACEMENT", "SIZE", "draw_glyphs", "fitted_in", "placements"]

SIZE = 28
PLACEMENT = {
    "size": (15.0, 21.0),
    "pos_x": (-3.0, 3.0),
    "pos_y": (-3.0, 3.0),
    "rotation": (-15.0, 15.0),
    "slant": (-0.12, 0.12),
    "stroke": (0.2, 0.9),
}
"""What is drawn uniformly for each image, and between which limits; :func:`draw_glyphs` says what they mean."""

_FINER = 4  # lines a pixel, so that where fill and stroke overlap within one they count once
_MARGIN = 1.05  # pixels along each edge that stay black, and what rounding takes
_PEN = 1.0  # the widest line, that of hollow characters


def placements(num: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Size, position, rotation, slant and stroke of some images, uniform within :data:`PLACEMENT`.

    Args:
        num: of images.
        generator: on the CPU.

    Returns:
        float32 [num] by factor.
    """
    return {
        factor: low + (high - low) * torch.rand(num, generator=generator) for factor, (low, high) in PLACEMENT.items()
    }


def fitted_in(characters: Sequence[str], faces: Tensor, placement: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The nearest placement with which nothing is cut off: smaller where a wide letter asks for it, and moved inward.

    Args:
        characters: one for each image.
        faces: numbers in ``FACES``, [N]; or [N, K], where each image has to leave room for the first of them and for
            the others in place of it.
        placement: as :func:`draw_glyphs` takes it.

    Returns:
        The same factors [N], of which ``size``, ``pos_x`` and ``pos_y`` may have changed.
    """
    maps = _maps(placement)
    low, high = np.full((len(faces), 2), np.inf), np.full((len(faces), 2), -np.inf)
    groups: dict[tuple[int, int, str], list[int]] = {}
    for row, (numbers, character) in enumerate(zip(faces.reshape(len(faces), -1).tolist(), characters, strict=True)):
        for face in numbers:
            groups.setdefault((face, numbers[0], character), []).append(row)
    for (face, first, character), rows in groups.items():
        points = np.einsum("nij,pj->npi", maps[rows], outline(face, character).points + _apart(first, face, character))
        low[rows], high[rows] = np.minimum(low[rows], points.min(1)), np.maximum(high[rows], points.max(1))
    room = SIZE - 2 * _MARGIN - _PEN
    size = np.minimum(placement["size"].double().numpy(), room / (high - low).max(1))
    least, most = -room / 2 - size[:, None] * low, room / 2 - size[:, None] * high
    # The outlines' y points upward, and pos_y downward.
    x, y = (np.clip(placement[key].double().numpy() * sign, least[:, axis], most[:, axis]) * sign
            for axis, (key, sign) in enumerate((("pos_x", 1), ("pos_y", -1))))  # fmt: skip
    moved = {"size": size, "pos_x": x, "pos_y": y}
    return {**placement, **{factor: torch.from_numpy(values).float() for factor, values in moved.items()}}


def draw_glyphs(
    characters: Sequence[str],
    faces: Tensor,
    placement: Mapping[str, Tensor],
    *,
    in_place_of: Tensor | None = None,
    hollow: bool = False,
) -> Tensor:
    """Draw characters, white on black and anti-aliased.

    - ``size``: the height of the face's capital H in pixels;
    - ``pos_x``, ``pos_y``: from the middle of the image to that of the character's box before it was turned, in pixels
      to the right and downward;
    - ``rotation``: in degrees clockwise, so that a character with a positive one leans right;
    - ``slant``: how far a point one pixel higher is moved to the right, in pixels, besides what the face leans;
    - ``stroke``: by how many pixels every stroke is widened.

    The factors of a set go in as they come, with one of them changed if you like: what a translation from upright to
    italic should look like is drawn with :func:`~ppgen.data.glyph_faces.counterparts` of its faces, in place of them.
    A face that slants another one moves the middle of a character's box, that of an L to one side and that of a 7 to
    the other, and its centre of mass not at all.

    Args:
        characters: one for each image.
        faces: numbers in ``FACES`` [N].
        placement: the six factors, each [N].
        in_place_of: the faces [N] that the placement was made for, whose centres of mass the drawn ones take over.
        hollow: a line of one pixel along the outline, instead of the filled character.

    Returns:
        uint8 [N, 1, 28, 28].

    Example:
        >>> middle = dict.fromkeys(("pos_x", "pos_y", "rotation", "slant", "stroke"), torch.zeros(1))
        >>> image = draw_glyphs("H", torch.tensor([0]), {"size": torch.tensor([16.0]), **middle})
        >>> image[0, 0].any(1).sum()  # rows with ink
        tensor(16)
    """
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.transforms import Affine2D

    renderer = RendererAgg(SIZE * _FINER, SIZE * _FINER, dpi=72)
    pen = renderer.new_gc()
    pen.set_foreground((1.0, 1.0, 1.0, 1.0), isRGBA=True)
    pen.set_joinstyle("round")
    pen.set_capstyle("round")
    pen.set_snap(False)
    pen.set_linewidth(_PEN * _FINER)
    strokes = placement["stroke"].tolist()
    matrices = np.tile(np.eye(3), (len(faces), 1, 1))
    matrices[:, :2, :2] = _maps(placement) * placement["size"].double().numpy()[:, None, None]
    matrices[:, 0, 2] = SIZE / 2 + placement["pos_x"].double().numpy()
    matrices[:, 1, 2] = SIZE / 2 - placement["pos_y"].double().numpy()
    if in_place_of is not None:
        rows = zip(in_place_of.tolist(), faces.tolist(), characters, strict=True)
        apart = np.stack([_apart(*row) for row in rows])
        matrices[:, :2, 2] += np.einsum("nij,nj->ni", matrices[:, :2, :2], apart)
    matrices[:, :2] *= _FINER
    images = np.empty((len(faces), 1, SIZE, SIZE), dtype=np.uint8)
    for row, (face, character) in enumerate(zip(faces.tolist(), characters, strict=True)):
        renderer.clear()
        if not hollow:
            pen.set_linewidth(strokes[row] * _FINER)
        fill = None if hollow else (1.0, 1.0, 1.0, 1.0)
        renderer.draw_path(pen, outline(face, character).curves, Affine2D(matrices[row]), fill)
        fine = np.asarray(renderer.buffer_rgba())[..., 3].reshape(SIZE, _FINER, SIZE, _FINER)
        images[row, 0] = (fine.sum((1, 3), dtype=np.uint16) + _FINER**2 // 2) // _FINER**2
    return torch.from_numpy(images)


def _apart(first: int, face: int, character: str) -> np.ndarray:
    """How far a face's outline is to be moved to stand in place of the first one's, [2]."""
    return outline(first, character).centre - outline(face, character).centre


def _maps(placement: Mapping[str, Tensor]) -> np.ndarray:
    """Slant and then rotation, as matrices [N, 2, 2] on points whose y points upward."""
    angle, slant = np.deg2rad(placement["rotation"].double().numpy()), placement["slant"].double().numpy()
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, cos * slant + sin], 1), np.stack([-sin, cos - sin * slant], 1)], 1)
