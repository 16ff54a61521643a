"""Fully connected causal networks: causal by the Jacobian, the same step by step, proper by enumeration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ppgen.distributions import Autoregressive, Ensemble, conditionals
from ppgen.errors import SettingError
from ppgen.nets import MADE, FullyVisibleBeliefNetwork
from tests.oracles.chi_square import p_value

Made = Callable[..., Any]
NETWORKS: dict[str, Made] = {
    "fully visible": FullyVisibleBeliefNetwork,
    "one layer": lambda shape, **others: MADE(shape, (20,), **others),
    "two layers, no direct": lambda shape, **others: MADE(shape, (20, 30), direct=False, **others),
    "no layer": lambda shape, **others: MADE(shape, (), **others),
    "random masks": lambda shape, **others: MADE(shape, (40, 40), 3, "random", **others).members[2],
    "random degrees": lambda shape, **others: MADE(shape, (40, 40), 2, **others).members[1],
}
every_network = pytest.mark.parametrize("name", NETWORKS)


def randomised(name: str, shape: tuple[int, ...], **others: Any) -> Any:
    """Weights large enough that no dependence hides behind a small number."""
    torch.manual_seed(0)
    network = NETWORKS[name](shape, **others)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
        parameter.data = parameter.data.double()
    return network


@every_network
@pytest.mark.parametrize(("shape", "context_dim"), [((2, 2, 3), 0), ((5,), 0), ((5,), 2), ((1,), 2)])
def test_parameters_read_exactly_the_values_before_them(name, shape, context_dim):
    # Both are in the order of drawing, whichever that is.
    network = randomised(name, shape, context_dim=context_dim, num_parameters=2)
    x = torch.rand(shape, dtype=torch.float64)
    context = torch.randn(context_dim, dtype=torch.float64) if context_dim else None
    length = x[0].numel() if x.dim() == 3 else x.numel()
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, context), x)
    jacobian = jacobian.reshape(2, length, -1, length).abs().sum((0, 2))
    future = torch.ones(length, length).triu().bool()
    assert (jacobian[future] == 0).all()
    assert (jacobian[~future] != 0).all()


@every_network
@pytest.mark.parametrize(("shape", "context_dim"), [((2, 2, 3), 0), ((7,), 3), ((1,), 0)])
def test_step_by_step_equals_all_at_once(name, shape, context_dim):
    network = randomised(name, shape, context_dim=context_dim, num_parameters=3)
    x = torch.rand(6, *shape, dtype=torch.float64)
    context = torch.randn(6, context_dim, dtype=torch.float64) if context_dim else None
    with torch.no_grad():
        expected = network(x, context).flatten(2)
        values = x.flatten(2) if len(shape) == 3 else x.unsqueeze(1)
        state, previous = network.start(6, context), torch.zeros(6, values.shape[1], dtype=torch.float64)
        for position in range(values.shape[-1]):
            parameters, state = network.step(state, previous, position)
            torch.testing.assert_close(parameters, expected[..., position], rtol=1e-12, atol=1e-12)
            previous = values[..., position]


def all_bits() -> Tensor:
    return (torch.arange(64).unsqueeze(-1) >> torch.arange(6) & 1).double().reshape(-1, 1, 2, 3)


@every_network
def test_probabilities_sum_to_one_and_draws_follow_them(name):
    network = randomised(name, (1, 2, 3))
    fn = Autoregressive(network, (1, 2, 3), order=getattr(network, "order", None))
    with torch.no_grad():
        probabilities = fn.log_prob(all_bits()).exp()
    assert abs(probabilities.sum() - 1.0) < 1e-12
    torch.manual_seed(2)
    draws = fn.sample((20_000,))
    counts = (draws.flatten(1).long() << torch.arange(6)).sum(-1).bincount(minlength=64)
    assert p_value(counts, probabilities) > 0.001


def test_an_ensemble_of_orders_is_their_mixture():
    network = MADE((1, 2, 3), (30,), 3, "random").double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    members = [Autoregressive(each, (1, 2, 3), order=each.order) for each in network.members]
    assert len({tuple(each.order.arrange(torch.arange(6).reshape(2, 3)).flatten().tolist()) for each in members}) == 3
    fn = Ensemble(members)
    with torch.no_grad():
        each = torch.stack([member.log_prob(all_bits()).exp() for member in members])
        probabilities = fn.log_prob(all_bits()).exp()
    torch.testing.assert_close(probabilities, each.mean(0))
    assert (each.amax(0) > 1.5 * each.amin(0)).any(), "the members differ"
    torch.manual_seed(3)
    draws = fn.expand([20_000]).sample()
    counts = (draws.flatten(1).long() << torch.arange(6)).sum(-1).bincount(minlength=64)
    assert p_value(counts, probabilities) > 0.001
    with torch.no_grad():
        assert abs(fn.tempered(0.5).log_prob(all_bits()).exp().sum() - 1.0) < 1e-12
    with pytest.raises(SettingError, match="not of one shape"):
        Ensemble([members[0], Autoregressive(MADE((1, 3, 2)), (1, 3, 2))])


def test_masks_are_never_written_into_weights():
    # Weights that are masked in place, with other masks at each call, would die in a few passes.
    network = MADE((6,), (20, 20), 4, "random")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for member in network.members:
        member(torch.rand(3, 6)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all((weight.weight != 0).all() for weight in (*network.layers, network.last, network.direct))


def test_a_linear_gaussian_network_is_a_multivariate_normal():
    # x_0 ~ N(b_0, s_0), x_1 | x_0 ~ N(b_1 + w x_0, s_1): torch's own density is the oracle.
    network = FullyVisibleBeliefNetwork((2,), num_parameters=2, highest=None).double()
    torch.nn.init.zeros_(network.linear.weight)
    bias, w = torch.tensor([0.5, -1.0, 0.2, -0.3], dtype=torch.float64), 0.8
    network.linear.bias.data = bias
    network.linear.weight.data[1, 0] = w
    fn = Autoregressive(network, (2,), conditional=conditionals.Normal())
    scale = bias[2:].exp()
    mean = torch.stack([bias[0], bias[1] + w * bias[0]])
    covariance = torch.tensor(
        [[scale[0] ** 2, w * scale[0] ** 2], [w * scale[0] ** 2, scale[1] ** 2 + w**2 * scale[0] ** 2]]
    )
    expected = torch.distributions.MultivariateNormal(mean, covariance)
    x = torch.randn(50, 2, dtype=torch.float64)
    torch.testing.assert_close(fn.log_prob(x), expected.log_prob(x))
    torch.manual_seed(4)
    draws = fn.sample((20_000,))
    torch.testing.assert_close(draws.mean(0), mean, atol=0.04, rtol=0)
    torch.testing.assert_close(draws.T.cov(), covariance, atol=0.05, rtol=0)


@pytest.mark.parametrize("make", [MADE, FullyVisibleBeliefNetwork])
def test_what_they_were_not_made_for_is_refused(make):
    with pytest.raises(SettingError, match="orders the numbers of vectors"):
        make((4, 4))
    with pytest.raises(SettingError, match="made for other inputs") as caught:
        make((4,))(torch.zeros(3, 5))
    assert caught.value.fix == f"{make.__name__}((5,), context_dim=0)"
