"""The exactness ledger on small images: every network of its table is a proper, causal distribution that it draws from.

The whole of it, on 65,536 images and in all symmetries, is ``python benchmarks/exactness.py``.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks.causal_networks import BLOCKS, CODES, IMAGES, TOKENS
from benchmarks.exactness import Case, cases, check, family_error, leaks, leaks_by_changes
from ppgen import nets
from ppgen.distributions import Autoregressive, SteppingNetwork, conditionals

FAST = cases((2, 3), everything=False)


@pytest.mark.parametrize("case", FAST, ids=lambda case: case.title)
def test_a_network_is_exact(case: Case) -> None:
    line = check(case, draws=10_000)
    assert line.passes, line


def test_the_ledger_has_a_row_for_every_causal_network() -> None:
    bases = (nets.CausalImageNetwork, nets.CausalVectorNetwork, nets.CausalTokenNetwork)
    there = {each for each in map(vars(nets).get, nets.__all__) if isinstance(each, type)}
    causal = {each for each in there if issubclass(each, (*bases, SteppingNetwork))} - {*bases}
    assert causal == {case.row.network for case in FAST} == {row.network for row in (*IMAGES, *BLOCKS, *CODES, *TOKENS)}


def test_the_ledger_tries_every_network_with_and_without_a_context() -> None:
    for row in (*IMAGES, *BLOCKS, *CODES, *TOKENS):
        assert {case.context for case in cases() if case.row is row} == {"none", "latent", "label"}


def test_the_ledger_sees_a_leak() -> None:
    fn = FAST[0].distribution()
    fn.network.mask.fill_(True)
    assert leaks(fn) > 0


@pytest.mark.parametrize("ahead", [1, 0, -1])
def test_the_ledger_sees_a_leak_where_nothing_has_a_derivative(ahead: int) -> None:
    # Two logits of position i from the token at i + ahead; i itself is ahead already.
    class Looking(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen = x.long().double().roll(-ahead, -1)
            seen[..., 0 if ahead < 0 else 3] = 0.0 if ahead else seen[..., 3]
            return torch.stack([seen, -seen], -2)

    fn = Autoregressive(Looking(), (4,), conditional=conditionals.Categorical(2), validate_args=False)
    assert leaks_by_changes(fn, 2) == {1: 3, 0: 4, -1: 0}[ahead]


def test_a_family_that_does_not_sum_to_one_is_seen() -> None:
    class Halved(conditionals.LogisticMixture):
        def log_prob(self, parameters: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
            return super().log_prob(parameters, value) - 2.0**-10

    assert family_error(conditionals.LogisticMixture(3, 16), 1, torch.float64, 30.0) < 1e-12
    assert family_error(Halved(3, 16), 1, torch.float64, 3.0) > 9e-4
