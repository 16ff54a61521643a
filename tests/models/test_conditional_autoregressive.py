"""Any causal network told something: p(x | y) is a distribution for each y; recipes tell it to their own network."""

from __future__ import annotations

import math
from pathlib import Path
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
LABELLED_TOKENS = {"x": torch.arange(120).reshape(30, 4) % 5, "y": torch.arange(30) % 3}
TOLD_ON_REQUEST = sorted(name for name in zoo.names() if zoo.recipe(name).options.get("condition", "") is None)


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


def test_every_recipe_that_is_one_causal_network_has_the_option() -> None:
    over_pixels = ["block-pixelcnn", "diagonal-bilstm", "fvsbn", "gated-pixelcnn", "image-transformer", "made"]
    assert [*over_pixels, "pixelcnn", "pixelcnn++", "row-lstm", "token-lstm", "token-transformer"] == TOLD_ON_REQUEST


@pytest.mark.parametrize("name", TOLD_ON_REQUEST)
def test_a_recipe_tells_its_own_network(name: str, digits: Any) -> None:
    data = ppgen.data.from_tensors(LABELLED_TOKENS) if name.startswith("token") else digits
    label = 3 if data is not digits else 10
    plain, told = (zoo.build(name, data, **option) for option in ({}, {"condition": "y"}))
    assert isinstance(told.model, models.ConditionalAutoregressive | models.ConditionalTokens)
    assert told.model.network.context_dim == label
    networks = [getattr(each.model.network, "network", each.model.network) for each in (plain, told)]  # under blocks
    assert type(networks[0]) is type(networks[1])
    sizes = [{**each.constructor_arguments, "context_dim": label} for each in networks]
    assert sizes[0] == sizes[1]
    assert told.model({"y": torch.tensor([0, 2])})["x"].shape == (2, *data.x_shape)


@pytest.mark.parametrize("name", [name for name in TOLD_ON_REQUEST if "order" in zoo.recipe(name).options])
def test_what_is_told_does_not_change_the_order(name: str, digits: Any) -> None:
    plain, told = (zoo.build(name, digits, order="left-right", **option) for option in ({}, {"condition": "y"}))
    x, y = digits.split("test")["x"][:3], digits.split("test")["y"][:3]
    fn = told.model.x(y)
    assert fn.order.index.tolist() == plain.model.x().order.index.tolist() != list(range(64))
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
    with pytest.raises(SettingError, match="pixel-vae has no option 'condition'") as refused:
        zoo.build("pixel-vae", digits, condition="y")
    assert ", ".join(name for name in zoo.names() if "condition" in zoo.recipe(name).options) in str(refused.value)


@torch.no_grad()
@pytest.mark.parametrize("order", ["bottom-up", "random"])
@pytest.mark.parametrize("num_masks", [1, 3])
def test_a_made_keeps_its_orders_and_is_their_mixture(order: str, num_masks: int) -> None:
    torch.manual_seed(0)
    network = nets.MADE((1, 2, 2), (12,), num_masks, order, context_dim=3)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    model = models.ConditionalAutoregressive((1, 2, 2), network).eval()
    x = (torch.arange(16).unsqueeze(-1) >> torch.arange(4) & 1).float().reshape(16, 1, 2, 2)
    log_p = model.x(torch.tensor([0, 2])).log_prob(x.unsqueeze(1))
    torch.testing.assert_close(log_p.double().exp().sum(0), torch.ones(2).double(), rtol=1e-5, atol=0)
    each = [Autoregressive(part, (1, 2, 2), torch.eye(3)[2], order=part.order).log_prob(x) for part in network.members]
    torch.testing.assert_close(log_p[:, 1].exp(), torch.stack(each).exp().mean(0))


@pytest.mark.parametrize("network", [nets.MADE((1, 2, 2), (4,), context_dim=3), None], ids=["MADE", "blocks"])
def test_an_order_beside_a_network_with_its_own_is_refused(network: Any) -> None:
    network = network or nets.InBlocks(nets.GatedPixelCNN((4, 1, 1), 4, 1, num_parameters=16, context_dim=3), (2, 2))
    with pytest.raises(SettingError, match="an order of its own"):
        models.ConditionalAutoregressive((1, 2, 2), network, order="bottom-up")


@torch.no_grad()
def test_blocks_that_are_told_something_draw_by_blocks() -> None:
    torch.manual_seed(0)
    network = nets.InBlocks(nets.GatedPixelCNN((2, 2, 2), 4, 1, num_parameters=4, context_dim=3), (1, 2))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    fn = models.ConditionalAutoregressive((1, 2, 4), network).x(torch.tensor([0, 2]))
    x = (torch.arange(256).unsqueeze(-1) >> torch.arange(8) & 1).float().reshape(256, 1, 1, 2, 4)
    log_p = fn.log_prob(x)
    torch.testing.assert_close(log_p.double().exp().sum(0), torch.ones(2).double(), rtol=1e-5, atol=0)
    assert not torch.allclose(log_p[:, 0], log_p[:, 1])
    assert fn.order is network.order


@torch.no_grad()
@pytest.mark.parametrize("network", [nets.TokenLSTM(3, 4, 8, context_dim=2), nets.TokenTransformer(3, 4, 8, 1, 2, 2)])
def test_tokens_told_something_have_a_density_for_each_length(network: Any) -> None:
    model = models.ConditionalTokens(network)
    x = torch.cartesian_prod(*3 * [torch.arange(4)]).float()
    fn = model.x(torch.tensor([0, 1]), torch.tensor([3, 1]))
    log_p = fn.log_prob(x.unsqueeze(1)).double().exp()
    # Behind the end of the second there is nothing: 16 triples agree on each first token.
    torch.testing.assert_close(log_p.sum(0), torch.tensor([1.0, 16.0]).double(), rtol=1e-5, atol=0)
    assert torch.equal(
        model({"y": torch.tensor([0, 1]), "x_lengths": torch.tensor([3, 1])})["x"][1, 1:], torch.zeros(2)
    )


def test_real_numbers_told_a_label_are_from_a_mixture_for_each(tmp_path: Path) -> None:
    # x = +-3 by the label, with noise of 0.5: log p(x | y) is that of one normal.
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(600) % 2
    x = (6.0 * y - 3.0).unsqueeze(-1) + 0.5 * torch.randn(600, 2, generator=generator)
    model, _, objective = zoo.build("made", {"x": x, "y": y}, hidden=(16,), condition="y")
    settings: dict[str, Any] = {"max_epochs": 10, "learning_rate": 0.03, "schedule": "cosine", "device": "cpu"}
    fit = ppgen.fit(model, {"x": x, "y": y}, objective=objective, progress=False, **settings)
    entropy = math.log(2.0 * math.pi * math.e * 0.25)
    assert fit.log_prob().value == pytest.approx(-entropy, abs=0.5)
    fit.save(tmp_path / "run")
    assert ppgen.load(tmp_path / "run", data={"x": x, "y": y}).log_prob().value == fit.log_prob().value


@pytest.fixture(scope="module")
def digits() -> Any:
    return ppgen.data.load("digits")


def test_blocks_take_bits_alone(digits: Any) -> None:
    assert zoo.build("block-pixelcnn", digits, hidden=4).model(size=2)["x"].shape == (2, 1, 8, 8)
    with pytest.raises(SettingError, match="no binary images of one channel") as refused:
        zoo.build("block-pixelcnn", ppgen.data.load("digits", binarize=None))
    assert 'binarize="static"' in str(refused.value)
