"""Sequences of many lengths: what stands behind an end has no density and no influence, and is drawn as zeros."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from ppgen.distributions import Autoregressive, conditionals, orders
from ppgen.errors import SettingError
from ppgen.nets import GatedPixelCNN, TokenLSTM, TokenTransformer
from tests.oracles.chi_square import p_value

THREE = conditionals.Categorical(3)
EVERY = torch.tensor(list(itertools.product(range(3), repeat=5))).double()
KINDS = {
    "transformer": lambda dim: TokenTransformer(5, 3, 8, 2, 2, dim),
    "lstm": lambda dim: TokenLSTM(5, 3, 8, 1, dim),
}
every_network = pytest.mark.parametrize("kind", KINDS)


def network(kind: str, context_dim: int = 0) -> nn.Module:
    torch.manual_seed(0)
    net = KINDS[kind](context_dim)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.6)
    return net.double()


def of_length(length: int) -> torch.Tensor:
    """All sequences of a length, with zeros behind their ends."""
    return EVERY[(EVERY[:, length:] == 0).all(1)]


@every_network
@pytest.mark.parametrize("length", range(6))
def test_the_sequences_of_each_length_sum_to_one(kind, length):
    fn = Autoregressive(network(kind), (5,), conditional=THREE, lengths=torch.tensor(length))
    assert len(of_length(length)) == 3**length
    assert abs(fn.log_prob(of_length(length)).exp().sum().item() - 1.0) < 1e-12


@every_network
def test_draws_of_each_length_follow_their_probabilities(kind):
    fn = Autoregressive(network(kind), (5,), conditional=THREE, lengths=torch.tensor([3, 4]))
    torch.manual_seed(1)
    drawn = fn.sample((15_000,))
    for column, length in enumerate((3, 4)):
        rows = drawn[:, column]
        assert not rows[:, length:].any()
        index = (rows[:, :length] @ 3.0 ** torch.arange(length - 1, -1, -1, dtype=torch.float64)).long()
        probabilities = fn.log_prob(of_length(length).unsqueeze(1)).exp()[:, column].detach()
        assert p_value(index.bincount(minlength=3**length), probabilities) > 0.001


@every_network
@pytest.mark.parametrize("context_dim", [0, 2])
@pytest.mark.parametrize("behind", [2.0, 700.0, -1.0, torch.nan])
def test_what_stands_behind_an_end_changes_no_density_and_no_gradient(kind, context_dim, behind):
    lengths = torch.tensor([2, 5, 1, 3])
    context = torch.randn(4, context_dim, dtype=torch.float64) if context_dim else None
    x = EVERY[torch.tensor([150, 30, 200, 77])]
    answers = []
    for padding in (0.0, behind):
        net = network(kind, context_dim)
        x = x.masked_fill(torch.arange(5) >= lengths.unsqueeze(1), padding)
        value = Autoregressive(net, (5,), context, THREE, lengths=lengths, validate_args=True).log_prob(x)
        value.sum().backward()
        answers.append((value, [parameter.grad for parameter in net.parameters()]))
    assert torch.equal(answers[0][0], answers[1][0])
    assert all(torch.equal(one, other) for one, other in zip(answers[0][1], answers[1][1], strict=True))
    assert all(grad.isfinite().all() for grad in answers[1][1])


@every_network
def test_a_prefix_has_the_sum_of_its_own_conditionals(kind):
    # The oracle: all positions' log-probabilities by hand, the first L of them added.
    net, x, lengths = network(kind), EVERY[::50], torch.tensor([1, 4, 2, 5, 3])
    each = net(x).mT.log_softmax(-1).gather(-1, x.long().unsqueeze(-1)).squeeze(-1)
    expected = torch.stack([row[:length].sum() for row, length in zip(each, lengths.tolist(), strict=True)])
    fn = Autoregressive(net, (5,), conditional=THREE, lengths=lengths)
    torch.testing.assert_close(fn.log_prob(x), expected)
    torch.testing.assert_close(fn.log_prob(x.long()), expected)
    full = Autoregressive(net, (5,), conditional=THREE, lengths=torch.tensor(5))
    torch.testing.assert_close(full.log_prob(x), Autoregressive(net, (5,), conditional=THREE).log_prob(x))


def test_lengths_belong_to_the_batch():
    fn = Autoregressive(network("lstm"), (5,), conditional=THREE, lengths=torch.tensor([1, 4]))
    wide = fn.expand([3, 2])
    assert (fn.batch_shape, wide.batch_shape) == ((2,), (3, 2))
    drawn = wide.sample((7,))
    assert drawn.shape == (7, 3, 2, 5)
    assert not drawn[..., 0, 1:].any()
    torch.testing.assert_close(wide.log_prob(drawn), fn.log_prob(drawn))


def test_a_given_beginning_is_completed_up_to_the_end():
    fn = Autoregressive(network("transformer"), (5,), conditional=THREE, lengths=torch.tensor([4, 3]))
    start = torch.full((50, 2, 5), torch.nan).double()
    start[..., :2] = 1.0
    drawn = fn.complete(start, torch.arange(5) < 2)
    assert (drawn[..., :2] == 1.0).all()
    assert drawn[:, 0, 2:4].any()
    assert not drawn[:, 0, 4:].any()
    assert not drawn[:, 1, 3:].any()


def test_an_image_may_end_too_with_all_channels_of_its_pixels():
    fn = Autoregressive(GatedPixelCNN((2, 2, 3), 4, 1, num_parameters=2), (2, 2, 3), lengths=torch.tensor(4))
    drawn = fn.sample((50,))
    assert not drawn[:, :, 1, 1:].any()
    assert drawn[:, :, 0].any()
    assert drawn[:, :, 1, 0].any()


def test_an_order_that_does_not_end_at_the_end_is_refused():
    with pytest.raises(SettingError, match="from the first position to the last") as caught:
        Autoregressive(network("lstm"), (5,), conditional=THREE, order=orders.raster((5,), flip=(0,)),
                       lengths=torch.tensor(2))  # fmt: skip
    assert "orders.raster((5,))" in caught.value.fix
