"""Input complexity: a code length by the model, less that by a general compressor."""

from __future__ import annotations

import io
import math
import zlib

import numpy as np
import torch
from torch import Tensor

from ppgen.data.mutation import values_of
from ppgen.errors import DataError, Unanswerable
from ppgen.evaluation.outlier_measure import OutlierScore
from ppgen.evaluation.suspects import Suspects

__all__ = ["INPUT_COMPLEXITY", "compressed_bits"]

_MOST = 256  # levels of a byte


def compressed_bits(levels: Tensor, num_levels: int) -> Tensor:
    """The bits of each datum by the better of two general compressors: zlib, and PNG where it is an image.

    Two levels are packed eight to a byte before. The headers of both formats are counted: a constant.

    Args:
        levels: whole numbers from 0 to ``num_levels - 1``, [N, ...]; images are [N, 1 or 3, H, W].
        num_levels: at most 256.

    Returns:
        [N], float64.

    Raises:
        DataError: for other values.

    Example:
        >>> images = torch.stack([torch.zeros(1, 28, 28), torch.randint(256, (1, 28, 28))])
        >>> constant, noise = compressed_bits(images, 256).tolist()
        >>> constant < 1000 < 6000 < noise
        True
    """
    low, high = int(levels.min()), int(levels.max())
    if low < 0 or high >= num_levels or num_levels > _MOST or bool((levels != levels.round()).any()):
        raise DataError(
            "compressed_bits: values that are no levels",
            expected=f"whole numbers from 0 to {num_levels - 1}, of at most {_MOST} levels",
            got=f"values from {low} to {high}",
            fix="pass the levels of the pixels",
            code="D124",
        )
    rows = levels.detach().cpu().to(torch.uint8).numpy()
    return torch.tensor([8.0 * _shortest(row, num_levels) for row in rows], dtype=torch.float64)


def _shortest(row: np.ndarray, num_levels: int) -> int:
    packed = np.packbits(row) if num_levels == 2 else row
    lengths = [len(zlib.compress(packed.tobytes(), 9))]
    if row.ndim == 3 and len(row) in (1, 3):
        from PIL import Image

        pixels = row[0] if len(row) == 1 else np.moveaxis(row, 0, -1)
        image, file = Image.fromarray(pixels.astype(bool) if num_levels == 2 else pixels), io.BytesIO()
        image.save(file, "PNG", optimize=True)
        lengths.append(file.tell())
    return min(lengths)


def _input_complexity(rows: Suspects) -> Tensor:
    """``-log p(x) - L(x) ln 2``, nats, with L(x) the bits of a general compressor.

    What is simple, such as a blank image, is probable to any model of pixels; how complex it is is taken off. It may
    also be read as a likelihood ratio against the compressor. Levels are the values of the training split; of a
    continuous density of them the score is off by a constant.

    Reference: J. Serra et al., "Input complexity and out-of-distribution detection with likelihood-based generative
    models", 2020 (arXiv 1909.11480).

    Raises:
        Unanswerable: where the data have no levels.
    """
    known = values_of(rows.fit.data.split("train")[rows.main]).to(rows.x)
    if len(known) > _MOST:
        raise Unanswerable(
            "input complexity: the data have no levels that a compressor could take",
            expected=f"values on at most {_MOST} levels",
            got=f"{len(known)} distinct values of {rows.main}",
            fix="score by likelihood ratio or typicality",
            code="U079",
        )
    levels = torch.bucketize(rows.x, (known[1:] + known[:-1]) / 2)  # of the nearest value
    return -rows.log_prob - compressed_bits(levels, len(known)) * math.log(2.0)


INPUT_COMPLEXITY = OutlierScore("complexity", _input_complexity, "input complexity")
