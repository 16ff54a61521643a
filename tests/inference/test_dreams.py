"""Dreams of hand-written programs: those of the declared pair that they write out, number for number."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.declare import Program
from ppgen.errors import SettingError
from ppgen.inference import dream, find_waking
from ppgen.objectives import WakeSleep
from tests.oracles.gaussian_pair import Linear, LinearGuide
from tests.oracles.losses import loss_of

DECLARED = Linear()
GUIDE = LinearGuide(DECLARED, off=0.2)


def written(images: Tensor) -> None:
    with pyro.plate("data", len(images)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
        pyro.sample("x", dist.Normal(z @ DECLARED.weight.T, 0.7).to_event(1), obs=images.flatten(1))


def guide(images: Tensor) -> None:
    with pyro.plate("data", len(images)):
        pyro.sample("z", dist.Normal(images.flatten(1) @ GUIDE.gain.T, GUIDE.raw.exp()).to_event(1))


@pytest.mark.parametrize("phase", ["sleep", "wake", "both"])
@pytest.mark.parametrize("player", ["wake", "sleep"])
def test_a_program_learns_as_the_declared_pair(phase: Any, player: str) -> None:
    objective, images = WakeSleep(3, guide_phase=phase), torch.randn(8, 1, 3)
    program = Program(written, guide).setup({"images": images})
    torch.manual_seed(0)
    mine = loss_of(objective, program.model, program.guide, {"images": images}, 8, player=player)
    torch.manual_seed(0)
    other = loss_of(objective, DECLARED, GUIDE, {"x": images.flatten(1)}, 8, player=player)
    torch.testing.assert_close(mine.value, other.value)


def test_each_turn_moves_what_its_part_has_asked_for() -> None:
    """A mixture whose means stand still: only the guide learns, towards q(y | x) = softmax(x M - M^2 / 2)."""
    means = torch.tensor([-2.0, 0.0, 2.0])

    def model(data: Tensor) -> None:
        with pyro.plate("data", len(data)):
            y = pyro.sample("y", dist.Categorical(torch.ones(3) / 3))
            pyro.sample("x", dist.Normal(means[y], 1.0), obs=data)

    def posterior(data: Tensor) -> None:
        slope, shift = pyro.param("slope", torch.zeros(3)), pyro.param("shift", torch.zeros(3))
        with pyro.plate("data", len(data)):
            pyro.sample("y", dist.Categorical(logits=data[:, None] * slope + shift))

    settings: dict[str, Any] = {"learning_rate": 0.05, "max_epochs": 40, "batch_size": 50, "patience": None}
    data = {"data": torch.randn(500)}
    fit = ppgen.fit(Program(model, posterior), data, objective=WakeSleep(4), progress=False, **settings)
    slope, shift = (part.detach() - part.detach()[1] for part in fit.guide.params.parameters())
    torch.testing.assert_close(slope, means, rtol=0, atol=0.4)
    torch.testing.assert_close(shift, -(means**2) / 2, rtol=0, atol=0.5)


def test_a_dream_has_the_form_of_the_data() -> None:
    images = torch.randn(400, 1, 3)
    program = Program(written, guide).setup({"images": images})
    with torch.no_grad():
        latents, evidence = dream(program.model, {"images": images})
    assert latents["z"].shape == (400, 2)
    assert evidence["images"].shape == images.shape
    residual = evidence["images"].flatten(1) - latents["z"] @ DECLARED.weight.detach().T
    assert float(residual.std()) == pytest.approx(0.7, abs=0.06)


def reading(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z + 0.5 * x.roll(1, 0), 1.0), obs=x)


def computing(raw: Tensor) -> None:
    with pyro.plate("data", len(raw)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=raw / 2)


def weighing(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.factor("x", -((z - x) ** 2))


@pytest.mark.parametrize(
    ("model", "words"), [(reading, "depends on the data"), (computing, "computed from"), (weighing, "is a factor")]
)
def test_what_cannot_be_dreamt_is_refused(model: Any, words: str) -> None:
    def any_guide(**data: Tensor) -> None:
        (x,) = data.values()
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x, 1.0))

    batch = {"raw" if model is computing else "x": torch.randn(6)}
    program = Program(model, any_guide).setup(batch)
    assert words in find_waking(program.model, batch)
    with pytest.raises(SettingError, match=words):
        WakeSleep(3).setup(program.model, program.guide, batch)
    WakeSleep(3, guide_phase="wake").setup(program.model, program.guide, batch)
