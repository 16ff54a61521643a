"""Networks over tokens: causal, one by one what they are all at once, and exact by enumeration."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from ppgen.distributions import Autoregressive, conditionals
from ppgen.distributions.causal_network import WholePasses
from ppgen.errors import SettingError
from ppgen.nets import TokenLSTM, TokenTransformer
from ppgen.nets.causal_tokens import CausalTokenNetwork
from tests.oracles.chi_square import p_value

KINDS = {
    "transformer": lambda context_dim: TokenTransformer(6, 4, 8, 2, 2, context_dim),
    "lstm": lambda context_dim: TokenLSTM(6, 4, 8, 2, context_dim),
}
EVERY = torch.tensor(list(itertools.product(range(4), repeat=6))).double()
every_network = pytest.mark.parametrize("kind", KINDS)
with_and_without = pytest.mark.parametrize("context_dim", [0, 3])


def network(kind: str, context_dim: int = 0) -> CausalTokenNetwork:
    """In float64, with weights large enough that positions depend on each other."""
    torch.manual_seed(0)
    net = KINDS[kind](context_dim)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.8)
    return net.double()


def told(size: int, context_dim: int) -> Tensor | None:
    return torch.randn(size, context_dim, dtype=torch.float64) if context_dim else None


@every_network
@with_and_without
def test_logits_of_a_token_depend_on_exactly_the_tokens_before_it(kind, context_dim):
    net, x = network(kind, context_dim), torch.randint(4, (8, 6))
    context = told(8, context_dim)
    before = net(x, context)
    for position in range(6):
        other = x.clone()
        other[:, position] = (other[:, position] + 1) % 4
        moved = (net(other, context) != before).any(1)
        assert not moved[:, : position + 1].any()
        assert moved[:, position + 1 :].all()


@every_network
@with_and_without
def test_token_by_token_equals_all_at_once(kind, context_dim):
    net, x, context = network(kind, context_dim), EVERY[::31], told(len(EVERY[::31]), context_dim)
    with torch.no_grad():
        expected, previous = net(x, context), torch.zeros(len(x), 1, dtype=torch.float64)
        state = net.start(len(x), context)
        for position in range(6):
            logits, state = net.step(state, previous, position)
            torch.testing.assert_close(logits, expected[..., position])
            previous = x[:, position : position + 1]


@every_network
@with_and_without
def test_all_sequences_sum_to_one_and_draws_follow_them(kind, context_dim):
    context = told(1, context_dim)
    context = None if context is None else context[0]
    fn = Autoregressive(network(kind, context_dim), (6,), context, conditionals.Categorical(4))
    with torch.no_grad():
        probabilities = fn.log_prob(EVERY).exp()
    assert abs(probabilities.sum() - 1.0) < 1e-12
    assert probabilities.max() > 10 * probabilities.mean(), "far from uniform, so that the sum means something"
    torch.manual_seed(2)
    index = (fn.sample((20_000,)) @ 4.0 ** torch.arange(5, -1, -1, dtype=torch.float64)).long()
    assert p_value(index.bincount(minlength=len(EVERY)), probabilities) > 0.001


@every_network
def test_draws_are_those_of_naive_resampling(kind):
    net, family = network(kind), conditionals.Categorical(4)
    torch.manual_seed(3)
    drawn = Autoregressive(net, (6,), conditional=family).expand([9]).sample()
    torch.manual_seed(3)
    whole = WholePasses(net, torch.zeros(1, 6, dtype=torch.float64), (6,))
    state, previous, values = whole.start(9, None), torch.zeros(9, 1, dtype=torch.float64), []
    with torch.no_grad():
        for position in range(6):
            logits, state = whole.step(state, previous, position)
            previous = family.sample(logits, 1)
            values.append(previous)
    assert torch.equal(drawn, torch.cat(values, 1))


@every_network
def test_whole_numbers_of_any_type_and_any_batch_are_read_alike(kind):
    net, x = network(kind, 2), torch.randint(4, (2, 3, 6))
    context = torch.randn(2, dtype=torch.float64)
    expected = net(x, context)
    assert expected.shape == (2, 3, 4, 6)
    torch.testing.assert_close(net(x.double(), context), expected)
    torch.testing.assert_close(net(x[1, 2].float(), context), expected[1, 2])


@every_network
@pytest.mark.parametrize(("length", "context"), [(5, 2), (6, None)])
def test_inputs_that_it_was_not_made_for_are_refused(kind, length, context):
    net = network(kind, 2)
    with pytest.raises(SettingError, match="made for other inputs") as caught:
        net(torch.zeros(3, length), None if context is None else torch.zeros(3, context))
    assert caught.value.fix == f"{type(net).__name__}(length={length}, num_tokens=4, context_dim={context or 0})"
