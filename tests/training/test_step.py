"""One step: Adam, the players, and what is not finite."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from pyro.infer.util import is_validation_enabled
from torch import Tensor, nn

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.errors import DivergenceError
from ppgen.guides import MeanField
from ppgen.models import VAE
from ppgen.objectives import Loss, TrainingPosition
from ppgen.training.optimizers import Adam
from ppgen.training.step import TrainingStep
from tests.oracles.losses import loss_of, problem_of
from tests.oracles.pyro_elbos import gradients, reference


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape)) for shape in ((3, 4), (5,), (), (2, 2, 2))]


def set_gradients(*groups: list[nn.Parameter], step: int, missing: int | None = None) -> None:
    torch.manual_seed(100 + step)
    for i, twins in enumerate(zip(*groups, strict=True)):
        gradient = torch.randn_like(twins[0])
        for parameter in twins:
            parameter.grad = None if i == missing else gradient.clone()


def test_it_is_torchs_own_bit_for_bit() -> None:
    """Also with another learning rate midway, and with a parameter that has no gradient in some steps."""
    own, theirs = parameters(), parameters()
    adam = Adam(own, 0.01, betas=(0.8, 0.99))
    reference = torch.optim.Adam(theirs, lr=0.01, betas=(0.8, 0.99), fused=True)
    for step in range(20):
        set_gradients(own, theirs, step=step, missing=step % 7)
        if step == 10:
            adam.learning_rate = reference.param_groups[0]["lr"] = 0.003
        adam.step()
        reference.step()
        assert all(torch.equal(a, b) for a, b in zip(own, theirs, strict=True))


def test_a_skipped_step_leaves_no_trace() -> None:
    own, others = parameters(), parameters()
    adam, reference = Adam(own, 0.01), Adam(others, 0.01)
    set_gradients(own, others, step=0)
    own[0].grad.fill_(float("nan"))
    adam.step(skip=torch.ones(()))
    assert all(torch.equal(a, b) for a, b in zip(own, others, strict=True))
    for step in (1, 2):
        set_gradients(own, others, step=step)
        adam.step(skip=torch.zeros(()))
        reference.step()
    assert all(torch.equal(a, b) for a, b in zip(own, others, strict=True))


@pytest.mark.slow
def test_a_fit_does_not_import_the_compiler() -> None:
    """Making any of torch's own optimizers does, which takes longer than fitting digits."""
    code = (
        "import sys, ppgen; from ppgen.models import VAE; "
        "ppgen.fit(VAE((1, 8, 8)), 'digits', max_epochs=1, progress=False); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CPU = torch.device("cpu")


class Fragile(Model):
    """A decoder with batch statistics, whose output is not finite where a pixel of the data says so."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.net = nn.BatchNorm1d(2), nn.Linear(2, 4)

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @observed
    def x(self, z: Tensor, poison: Tensor) -> Any:
        return dist.Normal(self.net(self.norm(z * poison.unsqueeze(1))), 1.0).to_event(1)


def batch_of(poison: float = 1.0, rows: int = 8) -> dict[str, Tensor]:
    return {"x": torch.randn(rows, 4), "poison": torch.full((rows,), poison)}


def step_of(model: Model, guide: Any, objective: Any = None, size: int = 100, **settings: Any) -> TrainingStep:
    chosen: dict[str, Any] = {"learning_rate": 0.01, "clip_norm": None, "device": CPU} | settings
    return TrainingStep(problem_of(model, guide, objective or ppgen.ELBO(), batch_of(), size), **chosen)


@pytest.fixture
def fragile() -> tuple[Fragile, MeanField]:
    torch.manual_seed(0)
    model = Fragile()
    return model, MeanField(model, width=4).setup(batch_of())


def everything(*modules: nn.Module) -> list[Tensor]:
    return [value.clone() for module in modules for value in module.state_dict().values()]


def unchanged(before: list[Tensor], *modules: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, everything(*modules), strict=True))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("kind", "closed_form"), [("sampled", False), ("closed form", True)])
def test_a_step_is_adam_on_pyros_gradient(kind: str, closed_form: bool) -> None:
    """The whole step against Pyro's objective and torch's own optimizer."""
    torch.manual_seed(0)
    model = VAE((1, 8, 8), latent_dim=3, hidden=(8,))
    guide, x = MeanField(model, width=8), torch.bernoulli(torch.full((5, 1, 8, 8), 0.5))
    value, gradient = reference(kind, model, guide, {"x": x}, 50)
    twins = {name: nn.Parameter(p.detach().clone()) for name, p in _named(model, guide).items()}
    optimizer = torch.optim.Adam(twins.values(), lr=0.01, fused=True)
    for name, twin in twins.items():
        twin.grad = gradient[name]
    optimizer.step()
    take = step_of(model, guide, ppgen.ELBO(closed_form=closed_form), size=50)
    torch.manual_seed(0)
    record = take({"x": x}, TrainingPosition())
    torch.testing.assert_close(record["loss"], value)
    for name, parameter in _named(model, guide).items():
        torch.testing.assert_close(parameter.detach(), twins[name].detach(), rtol=0, atol=1e-10)


def _named(*modules: nn.Module) -> dict[str, nn.Parameter]:
    return {f"{i}.{name}": p for i, module in enumerate(modules) for name, p in module.named_parameters()}


def test_clipping_bounds_the_norm_of_the_gradient(fragile: tuple[Fragile, MeanField]) -> None:
    model, guide = fragile
    batch = batch_of()
    torch.manual_seed(0)
    whole = gradients(loss_of(ppgen.ELBO(), model, guide, batch, 100).value, model, guide)
    norm = torch.cat([g.flatten() for g in whole.values()]).norm()
    take = step_of(model, guide, clip_norm=norm.item() / 3, learning_rate=1e-9)
    torch.manual_seed(0)
    take(batch, TrainingPosition())
    means = take.optimizers["elbo"].state()["means"]  # a tenth of the first gradient
    clipped = torch.cat([10 * mean.flatten() for mean in means])
    assert clipped.norm().item() == pytest.approx(norm.item() / 3, rel=1e-4)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_changes_nothing(fragile: tuple[Fragile, MeanField], poison: float) -> None:
    """Neither weights nor batch statistics, whatever the forward pass did; and the next step is as if it never was."""
    model, guide = fragile
    take = step_of(model, guide)
    take(batch_of(), TrainingPosition())
    before = everything(model, guide)
    with pytest.raises(DivergenceError) as caught:
        take(batch_of(poison), TrainingPosition(step=6, epoch=2.5))
    assert unchanged(before, model, guide)
    text = str(caught.value)
    assert "step 7" in text
    assert "epoch 3" in text
    assert "data 'poison'" in text
    assert "value of site 'z'" in text
    take(batch_of(), TrainingPosition())
    assert not unchanged(before, model, guide)
    assert all(torch.isfinite(value).all() for value in everything(model, guide))


def test_a_gradient_that_is_not_finite_is_named(fragile: tuple[Fragile, MeanField]) -> None:
    """The loss is finite: sqrt has no slope at 0."""
    model, guide = fragile

    class Sharp(ppgen.ELBO):
        def loss(self, *args: Any) -> Loss:
            loss = super().loss(*args)
            return Loss(loss.value + (model.net.bias - model.net.bias.detach()).abs().sum().sqrt(), loss.record)

    before = everything(model, guide)
    with pytest.raises(DivergenceError, match=r"gradient of parameter 'model.net.bias'"):
        step_of(model, guide, Sharp())(batch_of(), TrainingPosition())
    assert unchanged(before, model, guide)


def test_a_check_that_meets_an_overflow_is_a_divergence(fragile: tuple[Fragile, MeanField]) -> None:
    """On the first step of a batch signature, torch's own checks see it before the loss does."""
    model, guide = fragile
    take = step_of(model, guide)
    take(batch_of(), TrainingPosition())
    with pytest.raises(DivergenceError, match="not finite"):
        take(batch_of(float("inf"), rows=5), TrainingPosition(step=1))


def test_a_mistake_in_the_model_is_no_divergence(fragile: tuple[Fragile, MeanField]) -> None:
    model, guide = fragile
    with pytest.raises(RuntimeError, match="dimensions"):
        step_of(model, guide)({"x": torch.randn(8, 4), "poison": torch.ones(8, 3)}, TrainingPosition())


def test_checks_run_once_for_each_kind_of_batch(fragile: tuple[Fragile, MeanField]) -> None:
    model, guide = fragile
    seen: list[bool] = []

    class Watching(ppgen.ELBO):
        def loss(self, *args: Any) -> Loss:
            seen.append(is_validation_enabled())
            return super().loss(*args)

    take = step_of(model, guide, Watching())
    for rows in (8, 8, 5, 8, 5):
        take(batch_of(rows=rows), TrainingPosition())
    assert seen == [True, False, True, False, False]
    assert is_validation_enabled()


def test_on_a_device_that_is_not_waited_for(fragile: tuple[Fragile, MeanField]) -> None:
    """The same step as on a GPU: a bad step is skipped, with all after it, until somebody looks."""
    model, guide = fragile
    take = step_of(model, guide)
    take._asynchronous = True
    take(batch_of(), TrainingPosition())
    before = everything(model, guide)
    for poison in (float("nan"), 1.0, 1.0):
        take(batch_of(poison), TrainingPosition(step=1))
    with pytest.raises(DivergenceError, match="or up to"):
        take.settle(batch_of(), TrainingPosition(step=3))
    assert unchanged(before, model, guide)
    take.settle(batch_of(), TrainingPosition(step=3))
    take(batch_of(), TrainingPosition(step=3))
    assert not unchanged(before, model, guide)


def test_the_device_is_looked_at_every_fifty_steps(fragile: tuple[Fragile, MeanField]) -> None:
    model, guide = fragile
    take = step_of(model, guide)
    take._asynchronous = True
    for step in range(49):
        take(batch_of(float("nan") if step == 3 else 1.0), TrainingPosition(step=step))
    with pytest.raises(DivergenceError):
        take(batch_of(), TrainingPosition(step=49))


def test_shared_and_fixed_parameters() -> None:
    """A parameter of both model and guide is moved once; one that needs no gradient is not moved at all."""
    torch.manual_seed(0)
    model = VAE((4,), latent_dim=2, hidden=(4,))
    encoder = nn.Sequential(nn.Linear(4, 2), model.decoder)
    guide = MeanField(model, encoder=encoder)
    encoder[0].bias.requires_grad_(False)
    take = step_of(model, guide)
    optimized = take.optimizers["elbo"].parameters
    assert len({id(p) for p in optimized}) == len(optimized)
    assert not any(p is encoder[0].bias for p in optimized)
    take({"x": torch.bernoulli(torch.full((6, 4), 0.5))}, TrainingPosition())
    assert take.optimizers["elbo"].state()["steps"][0] == 1


def test_a_model_without_parameters_is_scored_and_left_alone() -> None:
    class Fixed(Model):
        @observed
        def x(self) -> Any:
            return dist.Normal(0.0, 1.0)

    record = step_of(Fixed(), None, ppgen.MaximumLikelihood())({"x": torch.zeros(3)}, TrainingPosition())
    assert record["loss"].item() == pytest.approx(0.9189385)


def test_state_is_carried_on(fragile: tuple[Fragile, MeanField]) -> None:
    """Another step, of a copy of the pair, that is given weights and state ends with the same numbers."""
    first = step_of(*fragile)
    for _ in range(3):
        first(batch_of(), TrainingPosition())
    model, guide = (copy.deepcopy(module) for module in fragile)
    second, batch = step_of(model, guide), batch_of()
    second.restore(copy.deepcopy(first.state()), {})
    for take in (first, second):
        take.scale_learning_rate(2.0)
        torch.manual_seed(5)
        take(batch, TrainingPosition())
    assert unchanged(everything(*fragile), model, guide)
