"""Remedies speak the caller's language: arguments in Python, flags on the command line."""

from __future__ import annotations

import pytest

from ppgen.cli.fit import fit
from ppgen.cli.flags import fix_in_flags


@pytest.mark.parametrize(
    ("python", "flags"),
    [
        ('binarize="static"', "--binarize static"),
        ("binarize=None, dequantize=True", "--binarize none, --dequantize"),
        ("learning_rate=0.001", "--lr 0.001"),
        ("max_epochs=3 or batch_size=64", "--epochs 3 or --batch-size 64"),
        ('ppgen.data.load(..., binarize="static")', "--binarize static"),
        ('load("mnist", binarize="dynamic")', "--binarize dynamic"),
        ("num_classes=3", "num_classes=3"),
        ('data={"x": x}', 'data={"x": x}'),
        ("ppgen.data.from_tensors(x, valid=0, test=0)", "ppgen.data.from_tensors(x, valid=0, test=0)"),
        ("x = (x > 0.5).float()", "x = (x > 0.5).float()"),
    ],
)
def test_what_the_command_has_an_option_for_is_said_by_the_option(python: str, flags: str) -> None:
    assert fix_in_flags(python, fit.params) == flags
