"""Any causal network told something: p(x | y) is a distribution for each y; recipes tell it to their own network."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

import ppgen
from ppgen import models, nets, zoo
from ppgen.distributions import Autoregressive, conditionals
from ppgen.errors import DataError, SettingError

TOLD = {
    "labels": torch.tensor([0, 2]),
    "attributes": torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.0, 0.0]]),
    "another image": torch.tensor([[[[1.0, 0.0, 1.0]]], [[[0.0, 0.0, 1.0]]]]),
}
WITH_OPTION = sorted(name for name in zoo.names() if {"condition", "order"} <= set(zoo.recipe(name).options))


@pytest.mark.parametrize("y", TOLD.values(), ids=TOLD)
@torch.no_grad()
def test_every_y_has_a_density_of_its_own(y: Tensor) -> None:
    torch.manual_seed(0)
    network = nets.GatedPixelCNN((1, 2, 2), 4, 2, first_kernel_size=3, context_dim=3)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    model = models.ConditionalAutoregressive((1, 2, 2), network)
    x = (torch.arange(16).unsqueeze(-1) >> torch.arange(4) & 1).float().reshape(16, 1, 2, 2)
    log_p = model.x(y).log_prob(x.unsqueeze(1))
    assert log_p.shape == (16, 2)
    assert torch.allclose(log_p.exp().sum(0), torch.ones(2), atol=1e-5)
    assert not torch.allclose(log_p[:, 0], log_p[:, 1])
    context = torch.eye(3)[y] if y.dim() == 1 else y.flatten(1)
    family = conditionals.Bernoulli()
    assert torch.equal(log_p[:, 1], Autoregressive(network, (1, 2, 2), context[1], family).log_prob(x))


def test_numbers_of_another_size_are_refused() -> None:
    model = models.ConditionalAutoregressive((4,), nets.FullyVisibleBeliefNetwork((4,), context_dim=3))
    with pytest.raises(DataError, match="another size"):
        model({"y": torch.zeros(2, 5)})


def test_every_recipe_over_pixels_that_has_one_network_has_the_option() -> None:
    assert (
        sorted(
            ["diagonal-bilstm", "fvsbn", "gated-pixelcnn", "image-transformer", "pixelcnn", "pixelcnn++", "row-lstm"]
        )
        == WITH_OPTION
    )


@pytest.mark.parametrize("name", WITH_OPTION)
def test_a_recipe_tells_its_own_network(name: str, digits: Any) -> None:
    plain, told = (zoo.build(name, digits, **option) for option in ({}, {"condition": "y"}))
    assert isinstance(told.model, models.ConditionalAutoregressive)
    sizes = [{**each.model.network.constructor_arguments, "context_dim": 10} for each in (plain, told)]
    assert sizes[0] == sizes[1]
    assert type(plain.model.network) is type(told.model.network)
    assert told.model({"y": torch.tensor([3, 7])})["x"].shape == (2, 1, 8, 8)


@pytest.mark.parametrize("name", WITH_OPTION)
def test_what_is_told_does_not_change_the_order(name: str, digits: Any) -> None:
    plain, told = (zoo.build(name, digits, order="left-right", **option) for option in ({}, {"condition": "y"}))
    x, y = digits.split("test")["x"][:3], digits.split("test")["y"][:3]
    fn = told.model.x(y)
    assert fn.order.index.tolist() == plain.model.order.index.tolist() != list(range(64))
    hidden = torch.where(torch.arange(8) < 4, x, 1.0 - x)
    given = (torch.arange(8) < 4).expand(8, 8)
    assert torch.equal(fn.complete(hidden, given)[..., :4], x[..., :4])


def test_a_fit_draws_by_label_and_completes_by_label(digits: Any) -> None:
    model, guide, objective = zoo.build("fvsbn", digits, condition="y")
    fit = ppgen.fit(
        model, digits, guide=guide, objective=objective, max_epochs=8, learning_rate=0.05, progress=False, device="cpu"
    )
    assert fit.density_of == "p(x | y)"
    assert fit.sample(10, y=3, site="x").shape == (10, 1, 8, 8)
    test = fit.data.split("test")
    right = fit.log_prob(test).value
    wrong = fit.log_prob({"x": test["x"], "y": (test["y"] + 1) % 10}).value
    assert right > wrong + 2.0, "the label tells something"
    upper = torch.arange(8).unsqueeze(1).expand(8, 8) < 4
    assert fit.complete({"x": test["x"][:5], "y": test["y"][:5]}, upper, site="x").shape == (5, 1, 8, 8)
    panel = fit.plot.samples(ax=Figure().subplots(), n=20)
    assert len(panel.get_yticklabels()) == 10, "a row for each label"


def test_a_covariate_that_is_not_there_is_refused(digits: Any) -> None:
    with pytest.raises(SettingError, match="no covariate of that name"):
        zoo.build("pixelcnn", digits, condition="label")
    with pytest.raises(SettingError, match="these data lack"):
        zoo.build("pixelcnn", torch.rand(40, 1, 8, 8).round(), condition="y")


@pytest.fixture(scope="module")
def digits() -> Any:
    return ppgen.data.load("digits")


def test_blocks_take_bits_alone(digits: Any) -> None:
    assert zoo.build("block-pixelcnn", digits, hidden=4).model(size=2)["x"].shape == (2, 1, 8, 8)
    with pytest.raises(SettingError, match="no binary images of one channel") as refused:
        zoo.build("block-pixelcnn", ppgen.data.load("digits", binarize=None))
    assert 'binarize="static"' in str(refused.value)
