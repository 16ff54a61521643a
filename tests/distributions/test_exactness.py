"""The exactness ledger on small images: every network of its table is a proper, causal distribution that it draws from.

The whole of it, on 65,536 images and in all symmetries, is ``python benchmarks/exactness.py``.
"""

from __future__ import annotations

import pytest

from benchmarks.causal_networks import IMAGES, TOKENS, found
from benchmarks.exactness import Case, cases, check, leaks
from ppgen import nets

FAST = cases((2, 3), everything=False)


@pytest.mark.parametrize("case", FAST, ids=lambda case: f"{case.row.title}, {case.order_name}, {case.context_dim}")
def test_a_network_is_exact(case: Case) -> None:
    line = check(case, draws=10_000)
    assert line.passes, line


def test_the_ledger_has_a_row_for_every_causal_network_over_images() -> None:
    bases = (nets.CausalImageNetwork, nets.CausalVectorNetwork)
    there = {name for name in nets.__all__ if isinstance(getattr(nets, name), type)}
    causal = {name for name in there if issubclass(getattr(nets, name), bases)} - {base.__name__ for base in bases}
    assert causal <= {row.name for row in found((*IMAGES, *TOKENS))}


def test_the_ledger_sees_a_leak() -> None:
    fn = FAST[0].distribution()
    fn.network.mask.fill_(True)
    assert leaks(fn) > 0
