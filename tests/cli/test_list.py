"""`ppgen list` shows all that there is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result

import ppgen as package
from ppgen import data, zoo

Ppgen = Callable[..., Result]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("models", zoo.names()),
        ("datasets", data.names()),
        (
            "guides",
            (
                "NetworkGuide",
                "TwoLevelNetworkGuide",
                "Clustered",
                "MeanField",
                "FullRank",
                "Structured",
                "Flow",
                "Delta",
                "Refined",
            ),
        ),
        ("objectives", ("ELBO", "IWAE", "MaximumLikelihood", "Adversarial", "TotalCorrelation", "WakeSleep")),
    ],
)
def test_each_kind_with_a_line_an_entry(ppgen: Ppgen, kind: str, names: tuple[str, ...]) -> None:
    title, *lines = ppgen("list", kind).stdout.splitlines()
    assert title == kind
    assert {line.split()[0] for line in lines} == set(names)
    assert all(len(line.split()) > 2 for line in lines)


def test_everything_by_default(ppgen: Ppgen) -> None:
    shown = ppgen("list").stdout
    for kind in ("models", "guides", "objectives", "datasets"):
        assert ppgen("list", kind).stdout in shown


def test_names_listed_are_names_that_fit_takes() -> None:
    for name in zoo.names():
        assert package.zoo.build(name, "digits").model is not None
