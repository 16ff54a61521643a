"""The exponential moving average of weights: torch's, seen by validation, and what the fit ends with."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import ppgen
from ppgen.errors import SettingError
from ppgen.models import VAE
from ppgen.training.averages import MovingAverage
from tests.oracles.state import same, state_of

X = torch.bernoulli(torch.full((48, 4), 0.5, dtype=torch.float32), generator=torch.Generator().manual_seed(0))


def test_it_is_torchs_averaged_model_to_the_bit() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    ours = MovingAverage(net.parameters(), 0.7)
    theirs = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.7))
    for _ in range(5):
        with torch.no_grad():
            for parameter in net.parameters():
                parameter += torch.randn_like(parameter)
        ours.update()
        theirs.update_parameters(net)
    own = [p.detach().clone() for p in net.parameters()]
    expected = list(theirs.module.parameters())
    assert all(map(torch.equal, ours.values, expected))
    with ours.applied():
        assert all(map(torch.equal, net.parameters(), expected))
    assert all(map(torch.equal, net.parameters(), own))
    ours.apply()
    assert all(map(torch.equal, net.parameters(), expected))


def fit(**settings: Any) -> ppgen.fitted.Fit:
    torch.manual_seed(0)
    model = VAE((4,), 2, hidden=(4,))
    return ppgen.fit(
        model, X, **{"max_epochs": 3, "batch_size": 16, "learning_rate": 0.1, "progress": False} | settings
    )


def test_the_fit_ends_with_the_average_of_its_steps() -> None:
    weights: list[dict[str, torch.Tensor]] = []

    class Keep(ppgen.Callback):
        def step(self, training: Any) -> None:
            weights.append(state_of(training.fit))

    averaged = state_of(fit(average=0.9, callbacks=[Keep()]))
    expected = weights[0]
    for one in weights[1:]:
        expected = {name: torch.lerp(expected[name], one[name], 1 - 0.9) for name in one}
    for name, value in averaged.items():
        torch.testing.assert_close(value, expected[name])
    assert same(weights[-1], state_of(fit()))  # training itself goes on with the weights of its steps


def test_validation_sees_the_average() -> None:
    found = fit(average=0.9)
    batch = {"x": found.data.split("valid")["x"]}
    plain = fit()
    assert found.history[-1]["train"] == plain.history[-1]["train"]
    assert found.history[-1]["valid"] != plain.history[-1]["valid"]
    assert found.history[-1]["valid"]["elbo"] == pytest.approx(found.elbo(batch, 200).value, abs=0.3)


@pytest.mark.parametrize("patience", [None, 2])
def test_it_is_resumed_to_the_bit(tmp_path: Any, patience: int | None) -> None:
    straight = fit(average=0.95, max_epochs=6, patience=patience)
    fit(average=0.95, max_epochs=2, patience=patience, out=tmp_path / "run")
    resumed = fit(average=0.95, max_epochs=6, patience=patience, out=tmp_path / "run", resume=True)
    assert same(state_of(resumed), state_of(straight))


def test_a_player_that_there_is_not_is_named() -> None:
    with pytest.raises(SettingError, match="no player 'generator'"):
        fit(average={"generator": 0.9})
