"""Completion draws from p(hidden | given), by enumeration; what it could not draw exactly it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ppgen.distributions import Autoregressive, conditionals, orders
from ppgen.errors import DataError, PpgenError, SettingError
from ppgen.nets import GatedPixelCNN
from tests.oracles.chi_square import p_value

SHAPE = (1, 2, 3)


def images(order: orders.Order | None = None, levels: int = 2, context: Tensor | None = None) -> Autoregressive:
    """Small, with weights large enough that pixels depend strongly on each other."""
    torch.manual_seed(1)
    order = orders.raster((2, 3)) if order is None else order
    dim = 0 if context is None else context.shape[-1]
    highest, count = max(1, levels - 1), 1 if levels == 2 else levels
    net = GatedPixelCNN((1, *order.scanned), 4, 2, context_dim=dim, num_parameters=count, highest=highest).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.6)
    family = conditionals.Bernoulli() if levels == 2 else conditionals.Categorical(levels)
    return Autoregressive(net, SHAPE, context, conditional=family, order=order)


def all_images(levels: int = 2) -> Tensor:
    return (torch.arange(levels**6).unsqueeze(-1) // levels ** torch.arange(6) % levels).double().reshape(-1, *SHAPE)


def index(x: Tensor, levels: int = 2) -> Tensor:
    return (x.flatten(-3).long() * levels ** torch.arange(6)).sum(-1)


def conditional_probabilities(fn: Autoregressive, value: Tensor, mask: Tensor, levels: int) -> Tensor:
    """``p(x | given)`` of every image: what disagrees with the given has none, and the rest is normalised again."""
    everything = all_images(levels)
    with torch.no_grad():
        probabilities = fn.log_prob(everything).exp()
    agrees = ((everything == value) | ~mask).flatten(1).all(1)
    return probabilities * agrees / (probabilities * agrees).sum()


def follow(drawn: Tensor, probabilities: Tensor, levels: int = 2) -> bool:
    """Whether draws are of these probabilities alone, by chi-square; none is of an image that has none."""
    return p_value(index(drawn, levels).bincount(minlength=levels**6), probabilities) > 0.001


UPPER = torch.tensor([[1, 1, 1], [0, 0, 0]]).bool()
LEFT = torch.tensor([[1, 0, 0], [1, 0, 0]]).bool()
CASES = {
    "upper half, raster": (orders.raster((2, 3)), UPPER, 2),
    "one row and a pixel": (orders.raster((2, 3)), torch.tensor([[1, 1, 1], [1, 0, 0]]).bool(), 3),
    "lower half, upwards": (orders.raster((2, 3), flip=(0,)), ~UPPER, 2),
    "left side, by columns": (orders.raster((2, 3), transpose=True), LEFT, 2),
    "anything, permuted": (
        orders.permutation([4, 0, 5, 2, 1, 3], (2, 3)),
        torch.tensor([[1, 0, 0], [0, 1, 1]]).bool(),
        2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_completions_follow_the_enumerated_conditional(name):
    order, mask, levels = CASES[name]
    fn, value = images(order, levels), all_images(levels)[levels**6 // 3]
    probabilities = conditional_probabilities(fn, value, mask, levels)
    hidden = value.masked_fill(~mask, float("nan"))  # which are not looked at
    torch.manual_seed(2)
    drawn = fn.complete(hidden.expand(4000, *SHAPE), mask)
    assert (drawn == value)[:, mask.unsqueeze(0)].all(), "what is given stays"
    assert follow(drawn, probabilities, levels)
    plain = fn.expand([4000]).sample()
    pasted = torch.where(mask, value, plain)
    assert not follow(pasted, probabilities, levels), "pasting the given over a sample is not conditioning on it"


def test_each_datum_may_have_a_mask_and_a_context_of_its_own(monkeypatch):
    monkeypatch.setattr("ppgen.distributions.in_order.CHUNK_VALUES", 700 * 6)  # pieces that cut through the rows
    context = torch.tensor([[1.5], [-1.5]], dtype=torch.float64)
    fn, values = images(context=context), all_images()[[21, 42]]
    masks = torch.stack([UPPER, torch.tensor([[1, 0, 0], [0, 0, 0]]).bool()]).unsqueeze(1)
    torch.manual_seed(3)
    drawn = fn.complete(values.expand(3000, 2, *SHAPE), masks)
    for row in range(2):
        alone = Autoregressive(fn.network, SHAPE, context[row])
        probabilities = conditional_probabilities(alone, values[row], masks[row, 0], 2)
        assert follow(drawn[:, row], probabilities)


def test_all_given_is_the_image_and_none_given_is_a_sample():
    fn, x = images(), all_images()[:5]
    torch.testing.assert_close(fn.complete(x, torch.ones(2, 3).bool()), x)
    torch.manual_seed(4)
    expected = fn.expand([5]).sample()
    torch.manual_seed(4)
    torch.testing.assert_close(fn.complete(x, torch.zeros(2, 3).bool()), expected)


@pytest.mark.parametrize(
    ("mask", "fix"),
    [
        (~UPPER, 'order="bottom-up"'),
        (LEFT, 'order="left-right"'),
        (~LEFT, 'order="right-left"'),
        (torch.tensor([[1, 0, 1], [0, 1, 0]]).bool(), "orders.permutation(torch.argsort(~mask.flatten(), stable=True)"),
        (torch.stack([LEFT, ~UPPER]).unsqueeze(1), "each by a model fitted with orders.permutation of its own"),
    ],
)
def test_a_mask_against_the_order_names_the_order_that_serves(mask, fix):
    x = all_images()[:2]
    with pytest.raises(SettingError, match="drawn after a hidden one") as caught:
        images().complete(x, mask)
    assert fix in str(caught.value.fix)
    if (code := str(caught.value.fix)).startswith("a model of order="):
        made = code.removeprefix("a model of order=").partition(", mask of")[0]
        order = orders.named(eval(made, {"orders": orders, "torch": torch, "mask": mask}), (2, 3))  # our own text
        torch.manual_seed(0)
        assert (images(order).complete(x, mask) == x)[mask.expand(2, *SHAPE)].all()


@pytest.mark.parametrize(
    ("value", "mask", "kind", "what"),
    [
        (torch.zeros(2, 1, 2, 3), torch.ones(2, 3), DataError, "true and false"),
        (torch.zeros(2, 1, 2, 3), torch.ones(3, 2).bool(), DataError, "not that of these values"),
        (torch.zeros(2, 3, 3), torch.ones(2, 3).bool(), DataError, "no events"),
        (torch.full((2, 1, 2, 3), 0.5), UPPER, DataError, "6 given values are outside"),
        (torch.full((2, 1, 2, 3), 2.0), UPPER, DataError, "outside the support"),
        (torch.full((2, 1, 2, 3), float("nan")), UPPER, DataError, "outside the support"),
    ],
)
def test_what_cannot_be_completed_is_refused(value, mask, kind: type[PpgenError], what):
    with pytest.raises(kind, match=what) as caught:
        images().complete(value, mask)
    assert caught.value.fix


def test_the_channels_of_a_position_are_given_together():
    order = orders.raster((1, 2))
    net = GatedPixelCNN((2, 1, 2), 2, 1, num_parameters=2)
    fn = Autoregressive(net, (2, 1, 2), order=order)
    mask = torch.tensor([[[True, False]], [[False, False]]])
    with pytest.raises(DataError, match="some channels of a position"):
        fn.complete(torch.zeros(2, 1, 2), mask)
    whole = mask[:1].expand(2, 1, 2)
    assert (fn.complete(torch.ones(2, 1, 2), whole)[..., 0] == 1).all()


def test_a_cold_distribution_is_a_distribution_of_sharpened_conditionals():
    fn = images(levels=3)
    everything = all_images(3)
    with torch.no_grad():
        cold, plain = fn.tempered(0.5), fn.log_prob(everything).exp()
        probabilities = cold.log_prob(everything).exp()
        # The oracle divides the logits of one whole pass, and scores them by torch's own Categorical.
        logits = fn.network(everything).movedim(1, -1) / 0.5
        expected = torch.distributions.Categorical(logits=logits).log_prob(everything[:, 0]).sum((1, 2))
    assert abs(probabilities.sum() - 1.0) < 1e-9
    torch.testing.assert_close(cold.log_prob(everything), expected)
    assert (probabilities**2).sum() > 2 * (plain**2).sum(), "fewer images have more of the mass"
    torch.manual_seed(5)
    assert p_value(index(cold.sample((20_000,)), 3).bincount(minlength=729), probabilities) > 0.001
    assert fn.tempered(1.0) is fn


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf"), "cold"])
def test_a_temperature_is_a_number_above_zero(temperature):
    with pytest.raises(SettingError, match="temperature"):
        images().tempered(temperature)
