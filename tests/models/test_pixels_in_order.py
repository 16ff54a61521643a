"""Every model that draws pixel by pixel takes an order: its density stays one, and it is completed in that order."""

from __future__ import annotations

import json

import pytest
import torch

from ppgen import models
from ppgen.declare import Model
from ppgen.distributions import orders
from ppgen.errors import SettingError
from ppgen.runs.blueprint import NoPlanError, blueprint, build, decode, encode

X = (1, 2, 3)
MADE_IN = {
    "DiagonalBiLSTM": lambda order: models.DiagonalBiLSTM(X, 3, 1, order=order),
    "FullyVisibleBeliefNetwork": lambda order: models.FullyVisibleBeliefNetwork(X, order=order),
    "GatedPixelCNN": lambda order: models.GatedPixelCNN(X, 3, 1, order=order),
    "ImageTransformer": lambda order: models.ImageTransformer(X, 8, 1, 2, order=order),
    "MADE": lambda order: models.MADE(X, (12,), order=order),
    "PixelCNN": lambda order: models.PixelCNN(X, 3, 1, order=order),
    "PixelCNNPlusPlus": lambda order: models.PixelCNNPlusPlus(X, 3, 1, 2, order=order),
    "RowLSTM": lambda order: models.RowLSTM(X, 3, 1, order=order),
}
IMAGES = (torch.arange(64).unsqueeze(-1) // 2 ** torch.arange(6) % 2).double().reshape(-1, *X)


def strong(name: str, order: str | orders.Order) -> Model:
    """In double precision, with weights on which pixels depend strongly."""
    torch.manual_seed(0)
    model = MADE_IN[name](order).double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


@pytest.mark.parametrize("order", ["bottom-up", "right-left", orders.permutation([4, 0, 5, 2, 1, 3], (2, 3))])
@pytest.mark.parametrize("name", MADE_IN)
def test_pixels_depend_on_those_drawn_before_and_the_density_sums_to_one(name, order):
    fn = strong(name, order).x()
    with torch.no_grad():
        log_probs = fn.log_prob(IMAGES)
    assert log_probs.exp().sum().item() == pytest.approx(1.0, abs=1e-9)
    # The pixel that is drawn first may be given alone, and is drawn as often as the enumerated images say.
    walk = orders.named(order, (2, 3)).arrange(torch.arange(6).reshape(2, 3)).flatten()
    first, table = int(walk[0]), log_probs.exp()
    of_first = torch.stack([table[IMAGES.flatten(1)[:, first] == value].sum() for value in (0, 1)])
    known = torch.zeros(6).bool()
    known[first] = True
    drawn = fn.complete(torch.ones(20, *X), known.reshape(2, 3))
    assert drawn.flatten(1)[:, first].eq(1).all()
    torch.manual_seed(1)
    share = fn.expand([2000]).sample().flatten(1)[:, first].mean().item()
    assert share == pytest.approx(of_first[1].item(), abs=0.05)


@pytest.mark.parametrize("name", MADE_IN)
@pytest.mark.parametrize("order", ["left-right", orders.permutation([4, 0, 5, 2, 1, 3], (2, 3))])
def test_a_run_folder_keeps_the_order(name, order, tmp_path):
    model = strong(name, order)
    again = build(json.loads(json.dumps(blueprint(model))), "model", tmp_path).double().eval()
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(again.x().log_prob(IMAGES), model.x().log_prob(IMAGES))


@pytest.mark.parametrize("name", MADE_IN)
def test_raster_order_is_the_default_and_costs_nothing(name):
    assert getattr(models, name)(X).x().order.index is None


def test_an_order_of_another_image_is_refused():
    with pytest.raises(SettingError, match="not one for a network over these positions"):
        models.PixelCNN(X, order=orders.raster((3, 3)))
    with pytest.raises(SettingError, match="unknown order 'sideways'"):
        models.MADE(X, order="sideways")


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [[2, 3]],
        [[2, 3], [3, 3], None],
        [[2, 3], [2, 3], [0, 1]],
        [[2, 3], [2, 3], "abc"],
        [[2, -3], [2, 3], None],
    ],
)
def test_a_damaged_order_is_no_order(damaged):
    whole = encode(orders.raster((2, 3), transpose=True))
    assert decode(whole).arrange(torch.arange(6).reshape(2, 3)).tolist() == [[0, 3], [1, 4], [2, 5]]
    with pytest.raises(NoPlanError, match="order"):
        decode({"$order": damaged})
