"""Numbers of single positions, against enumeration: their nats, their entropies, and what they see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ppgen.distributions import (
    Autoregressive,
    DiscretizedLogistic,
    DiscretizedLogisticMixture,
    conditionals,
    is_before,
    orders,
    receptive_field,
)
from ppgen.errors import SettingError, Unanswerable
from ppgen.nets import GatedPixelCNN, InBlocks, TokenLSTM

SHAPE = (1, 2, 3)
ORDERS = {
    "raster": orders.raster((2, 3)),
    "columns from the right": orders.raster((2, 3), flip=(1,), transpose=True),
    "diagonal as a raster": orders.permutation([0, 1, 3, 2, 4, 5], (2, 3)),
}


def distribution(order: orders.Order, context: Tensor | None = None) -> Autoregressive:
    torch.manual_seed(0)
    shape = (1, *order.scanned)
    network = GatedPixelCNN(shape, 4, 2, first_kernel_size=5, context_dim=0 if context is None else 2).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return Autoregressive(network, SHAPE, context, order=order)


def all_images() -> Tensor:
    return (torch.arange(64).unsqueeze(-1) >> torch.arange(6) & 1).double().reshape(64, *SHAPE)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@torch.no_grad()
def test_the_nats_of_a_position_are_those_of_its_conditional(order):
    fn, x = distribution(order, torch.tensor([1.0, -2.0], dtype=torch.float64)), all_images()
    each, log_p = fn.log_prob_per_position(x), fn.log_prob(x)
    assert torch.allclose(each.sum((-1, -2)), log_p, atol=1e-12)
    same = x.flatten(1).unsqueeze(0) == x.flatten(1).unsqueeze(1)
    for position in range(6):
        before = is_before(order, position).flatten()
        upto = before | (torch.arange(6) == position)
        prefix, longer = (
            torch.where((same | ~known).all(-1), log_p, -torch.inf).logsumexp(1) for known in (before, upto)
        )
        assert torch.allclose(each.flatten(1)[:, position], longer - prefix, atol=1e-10)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@torch.no_grad()
def test_entropies_of_positions_sum_to_that_of_the_whole_on_average(order):
    fn, x = distribution(order), all_images()
    log_p = fn.log_prob(x)
    each = fn.entropy_per_position(x)
    assert each.shape == (64, 2, 3)
    assert torch.allclose(log_p.exp() @ each.sum((-1, -2)), -(log_p.exp() @ log_p), atol=1e-12)
    first = order.arrange(torch.arange(6).reshape(2, 3)).flatten()[0]
    assert each.flatten(1)[:, first].unique().numel() == 1, "nothing is before the first"


def test_behind_an_end_there_is_nothing():
    torch.manual_seed(0)
    fn = Autoregressive(TokenLSTM(5, 3, 4), (5,), conditional=conditionals.Categorical(3), lengths=torch.tensor([2, 5]))
    x = torch.randint(3, (2, 5)).float()
    for each in (fn.log_prob_per_position(x), fn.entropy_per_position(x)):
        assert each.shape == (2, 5)
        assert (each[0, 2:] == 0).all()
        assert (each[1] != 0).all()
    assert torch.allclose(fn.log_prob_per_position(x).sum(-1), fn.log_prob(x))


@pytest.mark.parametrize(
    ("family", "count"),
    [(conditionals.Bernoulli(), 2), (conditionals.Categorical(3), 6), (conditionals.Categorical(2), 4)],
)
def test_the_entropy_of_a_family_is_the_sum_over_its_values(family, count):
    torch.manual_seed(0)
    parameters = 2.0 * torch.randn(7, count)
    levels = torch.arange(getattr(family, "levels", 2)).float()
    log_p = torch.stack(
        [family.log_prob(parameters, pair.expand(7, 2)) for pair in torch.cartesian_prod(levels, levels)]
    )
    assert torch.allclose(family.entropy(parameters, 2), -(log_p.exp() * log_p).sum(0), atol=1e-5)


def test_the_entropy_of_a_normal_is_torchs_and_a_temperature_sharpens_it():
    parameters = torch.tensor([[0.3, -1.0, 2.0, 0.5]])
    expected = torch.distributions.Normal(0.0, torch.tensor([-1.0, 0.5]).exp()).entropy().sum()
    assert torch.allclose(conditionals.Normal().entropy(parameters, 2), expected)
    fn = Autoregressive(GatedPixelCNN((1, 2, 2), 4, 1), (1, 2, 2))
    cold, x = fn.tempered(0.5), torch.zeros(1, 1, 2, 2)
    with torch.no_grad():
        logit = fn.network(x)[0]
    expected = torch.distributions.Bernoulli(logits=2.0 * logit).entropy()
    assert torch.allclose(cold.entropy_per_position(x), expected)


def test_the_entropy_on_levels_is_the_sum_over_levels():
    torch.manual_seed(0)
    levels = torch.arange(17) / 16
    logistic = DiscretizedLogistic(torch.rand(5), torch.rand(5) + 0.01, 17)
    log_p = logistic.log_prob(levels.unsqueeze(-1)).double()
    assert torch.allclose(logistic.entropy().double(), -(log_p.exp() * log_p).sum(0), atol=1e-5)
    mixture = DiscretizedLogisticMixture(torch.randn(5, 6), 1, 2, 17)
    log_p = mixture.log_prob(levels.reshape(17, 1, 1)).double()
    assert torch.allclose(mixture.entropy().double(), -(log_p.exp() * log_p).sum(0), atol=1e-5)
    assert torch.equal(conditionals.LogisticMixture(2, 17).entropy(mixture.parameters, 1), mixture.entropy())


def test_a_family_without_an_entropy_says_so():
    with pytest.raises(Unanswerable, match="no entropy in closed form"):
        conditionals.NormalMixture(2).entropy(torch.zeros(1, 6), 1)
    with pytest.raises(Unanswerable, match="no entropy in closed form"):
        conditionals.LogisticMixture(2).entropy(torch.zeros(1, 20), 3)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_the_receptive_field_is_the_mean_of_the_jacobian(order):
    fn, x = distribution(order), all_images()[5:9]
    turns = order.restore(torch.arange(6).reshape(order.scanned)).flatten()
    jacobians = [
        torch.autograd.functional.jacobian(lambda each: fn.network(order.arrange(each)).flatten(), row) for row in x
    ]
    sizes = torch.stack(jacobians).abs().mean(0)
    for position in (0, 3, 5):
        found = receptive_field(fn, x, position)
        assert torch.allclose(found, sizes[turns[position]][0], atol=1e-12)
        assert not found[~is_before(order, position)].any()


def test_what_is_looked_up_and_what_is_not_there_has_no_receptive_field():
    tokens = Autoregressive(TokenLSTM(5, 3, 4), (5,), conditional=conditionals.Categorical(3))
    with pytest.raises(Unanswerable, match="looks its values up"):
        receptive_field(tokens, torch.zeros(1, 5), 2)
    with pytest.raises(SettingError, match="no such position"):
        receptive_field(tokens, torch.zeros(1, 5), 5)


def test_the_first_pixel_of_a_block_sees_all_blocks_before():
    network = InBlocks(GatedPixelCNN((4, 2, 2), 4, 2, first_kernel_size=3, num_parameters=16))
    fn = Autoregressive(network, (1, 4, 4), order=orders.blocks((4, 4), (2, 2)))
    seen = receptive_field(fn, torch.rand(3, 1, 4, 4).round(), position=10) > 0
    assert torch.equal(seen, is_before(fn.order, 10))
