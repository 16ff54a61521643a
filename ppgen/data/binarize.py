"""Protocols: how grey levels become the values that a likelihood is a likelihood of.

"Binarized MNIST" alone is five data sets whose log-likelihoods differ by 1 to 2 nats, so each protocol has a text
that goes with the data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.arguments import one_of
from ppgen.data.dataset import NOISE_SEEDS, Dataset
from ppgen.data.transforms import Dequantize, DynamicBinarize, ToFloat, Transform, draw_bits
from ppgen.errors import DataError, SettingError

__all__ = ["MODES", "Source", "check_mode", "with_protocol"]

_NOISE_SEEDS = f"seeds {NOISE_SEEDS['valid']} and {NOISE_SEEDS['test']}"
MODES = ("static", "dynamic", "threshold")


@dataclasses.dataclass(frozen=True)
class Source:
    """What a reader hands over, before any protocol.

    Args:
        splits: train, valid and test; ``key`` holds grey levels from 0 (black) to ``levels`` (white).
        levels: the value of white: 255, 16, or 1 for bits and for floats in [0, 1]; ``None`` for real numbers, which
            are no grey levels.
        num_classes: the sizes of integer covariates.
        bits: where the images are binary already, the text that says so; else empty.
        key: the site of the images.
        made: how the images were made, where that can change from one version to another; it enters the protocol.
        categories: the names of classes, or of tokens, by column.
    """

    splits: Mapping[str, Mapping[str, Tensor]]
    levels: float | None = 255.0
    num_classes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    bits: str = ""
    key: str = "x"
    made: str = ""
    categories: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def check_mode(name: str, binarize: str | None, dequantize: bool) -> None:
    """Refuse an unknown way to binarize, and binarizing together with dequantising.

    Args:
        name: of the data set, for the error text.
        binarize: one of :data:`MODES`, ``"default"`` or ``None``.
        dequantize: whether noise is added to grey levels.

    Raises:
        SettingError: in both cases.
    """
    one_of(f"{name}: binarize", binarize, (*MODES, "default", None))
    if dequantize and binarize in MODES:
        raise SettingError(
            f"{name}: bits cannot be dequantised",
            expected="binarize or dequantize, not both",
            got=f"binarize={binarize!r}, dequantize=True",
            fix="binarize=None, dequantize=True",
            code="S028",
        )


def with_protocol(source: Source, *, name: str, binarize: str | None, dequantize: bool, seed: int) -> Dataset:
    """Put a source under a protocol.

    - ``"static"``: every bit is drawn once, ``Bernoulli(k / levels)``, with ``seed``; also the training bits.
    - ``"dynamic"``: training bits are redrawn each batch; valid and test bits are drawn once.
    - ``"threshold"``: a bit is on where ``k / levels >= 0.5``.
    - ``None``: grey levels ``k / levels``; with ``dequantize``, ``(k + u) / (levels + 1)``.

    Args:
        source: splits of grey levels.
        name: of the data set.
        binarize: one of the above.
        dequantize: add uniform noise to the grey levels.
        seed: of the static bits.

    Raises:
        DataError: if levels are outside [0, levels].
        SettingError: if the source is binary and what is asked for needs grey levels.
    """
    check_mode(name, binarize, dequantize)
    if source.levels is None:
        return _real_numbers(source, name, binarize is not None or dequantize)
    _check_levels(source, name, source.levels)
    splits, measure = source.splits, "binary"
    transform: Transform = ToFloat(key=source.key)
    if source.bits:
        if binarize == "dynamic" or dequantize:
            raise SettingError(
                f"{name} is binary: it has no grey levels",
                expected='binarize="default", or none',
                got='binarize="dynamic"' if binarize == "dynamic" else "dequantize=True",
                fix='load("mnist", binarize="dynamic")' if name == "binarized_mnist" else "leave the argument out",
                code="S029",
            )
        protocol = source.bits
    elif binarize is None:
        transform, measure, protocol = _grey(source, source.levels, name, dequantize)
    elif binarize == "dynamic":
        transform = DynamicBinarize(source.levels, source.key)
        protocol = f"dynamic: training bits redrawn each batch; valid and test bits drawn once ({_NOISE_SEEDS})"
    else:
        splits = _fixed_bits(source, source.levels, binarize, seed)
        protocol = f"static bits, seed {seed}" if binarize == "static" else "threshold 0.5"
    return Dataset(
        name=name,
        measure=measure,
        splits=splits,
        transform=transform,
        num_classes=source.num_classes,
        protocol=f"{protocol}; {source.made}" if source.made else protocol,
        categories=source.categories,
    )


def _real_numbers(source: Source, name: str, asks_for_levels: bool) -> Dataset:
    if asks_for_levels:
        raise SettingError(
            f"{name} has real numbers, and no grey levels",
            expected="neither binarize nor dequantize",
            got="one of them",
            fix=f'load("{name}")',
            code="S196",
        )
    return Dataset(
        name=name,
        measure="continuous",
        splits=source.splits,
        num_classes=source.num_classes,
        protocol=source.made,
        categories=source.categories,
    )


def _grey(source: Source, white: float, name: str, dequantize: bool) -> tuple[Transform, str, str]:
    levels = int(white)
    if dequantize:
        if next(iter(source.splits.values()))[source.key].is_floating_point():
            raise SettingError(
                f"{name}: only integer levels can be dequantised",
                expected="uint8 pixels 0..255",
                got="real numbers in [0, 1]",
                fix='data={"x": (x * 255).round().to(torch.uint8)}',
                code="S030",
            )
        protocol = f"uniform dequantisation (k + u) / {levels + 1}; valid and test noise drawn once ({_NOISE_SEEDS})"
        return Dequantize(white, source.key), "continuous", protocol
    # Levels other than 256 have no measure that others share: only their range is promised.
    measure = "8-bit" if levels == 255 else "unit interval"
    return ToFloat(white, source.key), measure, f"{levels + 1} grey levels, k / {levels}"


def _fixed_bits(source: Source, white: float, binarize: str, seed: int) -> dict[str, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    grey = {split: columns[source.key] for split, columns in source.splits.items()}
    if binarize == "static":
        bits = {split: draw_bits(values, white, generator) for split, values in grey.items()}
    else:
        bits = {split: (values >= white / 2).to(torch.uint8) for split, values in grey.items()}
    return {split: {**columns, source.key: bits[split]} for split, columns in source.splits.items()}


def _check_levels(source: Source, name: str, white: float) -> None:
    for columns in source.splits.values():
        grey = columns[source.key]
        if grey.numel() and not (grey.min() >= 0 and grey.max() <= white):
            low, high = grey.min().item(), grey.max().item()
            raise DataError(
                f"{name}: {source.key} cannot be read as grey levels",
                expected="floats in [0, 1], or uint8 in 0..255",
                got=f"values in [{low:.4g}, {high:.4g}]",
                fix=f"{source.key} = {source.key} / 255"
                if low >= 0 and 1 < high <= 255
                else f"{source.key} = ({source.key} - {low:.4g}) / {high - low:.4g}",
                code="D001",
            )
