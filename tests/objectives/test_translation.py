"""Both objectives of translation: their losses against those written out, one draw a step, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import ppgen
from ppgen import data, nets
from ppgen.errors import DataError, SettingError
from ppgen.models import GAN, CycleGAN, Pix2Pix
from ppgen.objectives import CycleTranslation, Objective, PairedTranslation

X = (1, 8, 8)


def pairs() -> tuple[Any, dict[str, Tensor]]:
    torch.manual_seed(0)
    return Pix2Pix(X, hidden=(4, 4)), {"x": torch.rand(6, *X), "given": torch.rand(6, *X)}


def domains() -> tuple[Any, dict[str, Tensor]]:
    torch.manual_seed(0)
    return CycleGAN(X, X, width=2, num_blocks=1), {"a": torch.rand(6, *X), "b": torch.rand(6, *X)}


def turn(objective: Objective, model: Any, batch: dict[str, Tensor], player: str) -> Any:
    torch.manual_seed(1)
    state = objective.setup(model, None, batch)
    return state, objective.loss(state, player, objective.step(state, batch, 6))


def test_the_generator_of_pairs_minimises_the_game_and_the_distance() -> None:
    model, batch = pairs()
    state, loss = turn(PairedTranslation(l1=3.0), model, batch, "generator")
    fake = model({"given": batch["given"]})["x"]
    scores = state.networks["critic"](fake, batch["given"])
    distance = (batch["x"] - fake).abs().mean()
    torch.testing.assert_close(loss.value, softplus(-scores).mean() + 3.0 * distance)
    torch.testing.assert_close(loss.record["l1"], distance.detach())


def test_the_critic_of_pairs_sees_what_is_given() -> None:
    model, batch = pairs()
    state, loss = turn(PairedTranslation(), model, batch, "critic")
    critic, given = state.networks["critic"], batch["given"]
    real, fake = critic(batch["x"], given), critic(model({"given": given})["x"], given)
    torch.testing.assert_close(loss.value, softplus(-real).mean() + softplus(fake).mean())
    assert not torch.equal(real, critic(batch["x"], given.flip(0)))


def test_the_generators_of_a_cycle_minimise_two_games_the_way_back_and_the_identity() -> None:
    model, batch = domains()
    a, b = batch["a"], batch["b"]
    state, loss = turn(CycleTranslation(cycle=3.0, identity=2.0), model, batch, "generator")
    forth, back = ((lambda x, net=net: net(x).sigmoid()) for net in (model.forth, model.back))
    critics = state.networks
    games = (
        (critics["critic_b"](forth(a)) - 1).square().mean() + (critics["critic_a"](back(b)) - 1).square().mean()
    ) / 2
    cycle = (back(forth(a)) - a).abs().mean() + (forth(back(b)) - b).abs().mean()
    identity = (forth(b) - b).abs().mean() + (back(a) - a).abs().mean()
    torch.testing.assert_close(loss.value, games + 3.0 * cycle + 2.0 * identity)
    parts = {"adversarial": games, "cycle": cycle, "identity": identity}
    torch.testing.assert_close({name: loss.record[name] for name in parts}, {n: p.detach() for n, p in parts.items()})


def test_each_critic_of_a_cycle_judges_its_own_domain() -> None:
    model, batch = domains()
    state, loss = turn(CycleTranslation(pool=0), model, batch, "critic")
    drawn = model(batch)
    expected = {}
    for domain, site in (("a", "to_a"), ("b", "to_b")):
        critic = state.networks[f"critic_{domain}"]
        expected[domain] = ((critic(batch[domain]) - 1).square().mean() + critic(drawn[site]).square().mean()) / 2
        torch.testing.assert_close(loss.record[f"critic_loss/{domain}"], expected[domain].detach())
    torch.testing.assert_close(loss.value, expected["a"] + expected["b"])


def test_a_pool_is_shown_to_the_critic_from_the_second_step_on() -> None:
    model, batch = domains()
    batch = {name: x[:1].expand_as(x) for name, x in batch.items()}  # whichever of equal draws is shown
    objective = CycleTranslation(pool=6)
    state = objective.setup(model, None, batch)
    first = objective.loss(state, "critic", objective.step(state, batch, 6)).value
    torch.testing.assert_close(first, objective.loss(state, "critic", objective.step(state, batch, 6)).value)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    shown = {float(objective.loss(state, "critic", objective.step(state, batch, 6)).value.detach()) for _ in range(5)}
    assert len(shown) > 1


@pytest.mark.parametrize(("make", "objective"), [(pairs, PairedTranslation()), (domains, CycleTranslation(pool=0))])
def test_the_generator_runs_once_a_step_and_gets_the_gradient_of_new_draws(
    make: Callable[[], Any], objective: Objective
) -> None:
    model, batch = make()
    runs = 0

    def count(*_: Any) -> None:
        nonlocal runs
        runs += 1

    model.register_forward_hook(count)
    state = objective.setup(model, None, batch)
    parameters = list(model.parameters())
    step = objective.step(state, batch, 6)
    objective.loss(state, "critic", step)
    shared = torch.autograd.grad(objective.loss(state, "generator", step).value, parameters)
    cycles = isinstance(objective, CycleTranslation)
    assert runs == 1 + cycles
    again = objective.loss(state, "generator", step)  # as after a step that was not finite: the draws are gone
    assert all(torch.equal(a, b) for a, b in zip(shared, torch.autograd.grad(again.value, parameters), strict=True))
    assert runs == 2 + 2 * cycles


def test_shapes_choose_the_objective() -> None:
    rows = torch.rand(40, *X)
    settings: dict[str, Any] = {"max_epochs": 1, "progress": False, "device": "cpu"}
    assert "PairedTranslation" in repr(ppgen.fit(pairs()[0], {"x": rows, "given": rows}, **settings))
    assert "CycleTranslation" in repr(ppgen.fit(domains()[0], data.unpaired(a=rows, b=rows[:30]), **settings))


class Across(ppgen.Model):
    """One domain from another, as a user might declare it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Conv2d(1, 1, 1)

    @ppgen.implicit
    def b(self, a: Tensor) -> Tensor:
        return self.net(a)


ROWS = torch.rand(40, *X)
UNPAIRED = data.unpaired(a=ROWS, b=ROWS[:30])


@pytest.mark.parametrize(
    ("model", "given", "objective", "error", "told"),
    [
        (Across, UNPAIRED, PairedTranslation(), DataError, "holds no pairs(.|\n)*unpaired(.|\n)*CycleTranslation"),
        (lambda: pairs()[0], {"x": ROWS}, None, DataError, "holds no pairs(.|\n)*ppgen.data.paired"),
        (lambda: domains()[0], {"x": ROWS, "given": ROWS}, None, DataError, r"two domains(.|\n)*unpaired\(a=horses"),
        (lambda: domains()[0], data.unpaired(u=ROWS, v=ROWS), None, DataError, r"unpaired\(a=data.domains\['u'\]"),
        (lambda: GAN(X), {"x": ROWS}, PairedTranslation(), SettingError, "no translation"),
        (lambda: GAN(X), {"x": ROWS}, CycleTranslation(), SettingError, "no pair of translations"),
        (Across, {"a": ROWS, "b": ROWS}, PairedTranslation(), SettingError, "default critic"),
    ],
)
def test_what_is_no_translation_is_refused(model: Any, given: Any, objective: Any, error: Any, told: str) -> None:
    with pytest.raises(error, match=told):
        ppgen.fit(model(), given, objective=objective, max_epochs=1, progress=False)


def test_settings_are_checked() -> None:
    for make in (
        lambda: PairedTranslation(loss="l3"),
        lambda: PairedTranslation(l1=-1.0),
        lambda: PairedTranslation(nets.PatchCritic),  # type: ignore[arg-type]
        lambda: CycleTranslation(critics={"a": 3}),  # type: ignore[dict-item]
        lambda: CycleTranslation(pool=-1),
    ):
        with pytest.raises(SettingError):
            make()
    with pytest.raises(SettingError, match="one height and width"):
        CycleGAN((1, 8, 8), (1, 16, 16))
    with pytest.raises(SettingError, match="channels, height and width"):
        Pix2Pix((64,))
