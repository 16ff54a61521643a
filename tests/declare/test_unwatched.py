"""Draws that no handler hears are those that Pyro makes for one that does."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.poutine.runtime import _PYRO_STACK

import ppgen
from ppgen import Model, implicit, latent, models, observed
from ppgen.context import validation


class Nested(Model):
    """A global site, two local plates, and a scale that one of its methods draws by itself."""

    sizes = {"words": 3}  # noqa: RUF012  (as a user writes it)

    @latent(local=False)
    def shift(self) -> Any:
        return dist.Normal(torch.zeros(2), 1.0).to_event(1)

    @latent
    def z(self, shift: torch.Tensor) -> Any:
        return dist.Normal(shift, 1.0).to_event(1)

    @latent(plate="words")
    def k(self, z: torch.Tensor) -> Any:
        return dist.Categorical(logits=z)

    @observed(plate="words")
    def x(self, k: torch.Tensor) -> Any:
        scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        return dist.Normal(k.float(), scale)


class RowByRow(Model):
    """Batch shapes of one row, of every row, and a family that draws by a matrix."""

    @latent
    def one(self) -> Any:
        return dist.Gamma(torch.full((1,), 2.0), 1.0)

    @latent
    def each(self, one: torch.Tensor) -> Any:
        return dist.MultivariateNormal(one[:, None].expand(-1, 2), torch.eye(2))

    @observed
    def x(self, each: torch.Tensor) -> Any:
        return dist.StudentT(4.0, each.sum(-1), 1.0)


class Normals(Model):
    """The priors that are drawn without being expanded, and one that was told to give no gradient."""

    @latent
    def one(self) -> Any:
        return dist.Normal(0.5, 2.0)

    @latent
    def table(self) -> Any:
        return dist.Normal(torch.zeros(2, 3), 1.0).to_event(2)

    @latent
    def told(self) -> Any:
        return dist.Normal(0.0, 1.0).has_rsample_(False)

    @observed
    def x(self, one: torch.Tensor, table: torch.Tensor, told: torch.Tensor) -> Any:
        return dist.Normal(one + table.sum((-1, -2)), told.exp())


PROGRAMS = [
    lambda: models.GAN((1, 8, 8), latent_dim=3),
    lambda: models.VAE((1, 8, 8), latent_dim=3),
    lambda: models.ConditionalGAN((1, 8, 8), latent_dim=3),
    Nested,
    RowByRow,
    Normals,
]


def drawn(model: Any, batch: dict[str, torch.Tensor], size: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return model(batch, size)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("checked", [True, False])
def test_same_draws_as_under_a_trace(program: Any, checked: bool) -> None:
    torch.manual_seed(0)
    model = program()
    batch = {"y": torch.arange(5)} if "y" in model.covariates else {}
    with validation(checked):
        alone = drawn(model, batch, 5)
        with pyro.poutine.trace() as heard:
            watched = drawn(model, batch, 5)
    assert not _PYRO_STACK
    assert set(heard.trace.nodes) >= set(alone)
    for name, value in watched.items():
        assert torch.equal(alone[name], value), name


def test_same_draws_inside_a_plate_of_the_users() -> None:
    model = models.VAE((2,), latent_dim=3, hidden=(4,))
    with validation(False), pyro.plate("chains", 4, dim=-2):
        alone = drawn(model, {}, 5)
        with pyro.poutine.trace():
            watched = drawn(model, {}, 5)
    assert alone["z"].shape == (4, 5, 3)
    assert all(torch.equal(alone[name], watched[name]) for name in watched)


def test_gradients_stay_where_a_distribution_was_told_to_have_none() -> None:
    class Held(Model):
        def __init__(self) -> None:
            super().__init__()
            self.loc = torch.nn.Parameter(torch.zeros(()))

        @latent
        def z(self) -> Any:
            return dist.Normal(self.loc, 1.0).has_rsample_(False)

        @observed
        def x(self, z: torch.Tensor) -> Any:
            return dist.Normal(z, 1.0)

    with validation(False):
        assert not Held()({}, 5)["z"].requires_grad


def test_a_generated_value_of_other_rows_is_refused() -> None:
    class Constant(Model):
        @implicit
        def x(self) -> torch.Tensor:
            return torch.zeros(3, 2)

    with validation(False), pytest.raises(ValueError, match="Shape mismatch"):
        Constant()({}, 4)


def test_a_handler_around_hears_every_draw() -> None:
    model = models.GAN((2,), latent_dim=3, hidden=(4,))
    fixed = torch.zeros(5, 3)
    with validation(False), pyro.poutine.condition(data={"z": fixed}):
        assert torch.equal(model({}, 5)["z"], fixed)
    batch = {"x": torch.zeros(5, 2)}
    game = ppgen.Adversarial()
    heard: Any = pyro.poutine.trace()
    with validation(False), heard:
        game.loss(game.setup(model, None, batch), "generator", game.step(game.setup(model, None, batch), batch, 5))
    assert heard.trace.nodes["z"]["fn"].batch_shape == (5,)
