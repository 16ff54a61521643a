from __future__ import annotations

import math
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import DeclarationError, SettingError
from ppgen.guides import Delta, FullRank, MeanField
from ppgen.inference.paired_trace import trace_guide
from ppgen.models import VAE, Autoencoder, ConditionalVAE, SemiSupervisedVAE
from ppgen.objectives import ELBO, TrainingPosition
from tests.oracles.conjugate import BetaBernoulli, DirichletMultinomial, GammaPoisson, SharedMean, TwoLevels
from tests.oracles.losses import loss_of
from tests.oracles.pyro_elbos import gradients, ours, reference

pytestmark = pytest.mark.usefixtures("float64")

X_SHAPE = (1, 8, 8)


def batch_of(model: Model, rows: int = 6) -> dict[str, Tensor]:
    given = {"y": torch.arange(rows) % 10} if isinstance(model, ConditionalVAE) else {}
    drawn = model(given, None if given else rows)
    return {name: value.detach() for name, value in drawn.items() if model.sites[name].role == "observed"} | given


def pair_of(make: Any, family: Any) -> tuple[Model, nn.Module, dict[str, Tensor]]:
    """A model and its guide with a batch; weights are spread out, so that no gradient is nearly zero."""
    model = make()
    batch = batch_of(model)
    guide = family(model).setup(batch)
    with torch.no_grad():
        for parameter in guide.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return model, guide, batch


def vae() -> Model:
    return VAE(X_SHAPE, latent_dim=3)


ZOO = [
    pytest.param(vae, MeanField, id="vae"),
    pytest.param(vae, FullRank, id="vae, full rank"),
    pytest.param(lambda: Autoencoder(X_SHAPE, latent_dim=3), Delta, id="autoencoder"),
    pytest.param(lambda: ConditionalVAE(X_SHAPE, latent_dim=3), MeanField, id="conditional vae"),
    pytest.param(TwoLevels, MeanField, id="two levels"),
    pytest.param(TwoLevels, FullRank, id="two levels, full rank"),
    pytest.param(SharedMean, MeanField, id="a global latent"),
    pytest.param(GammaPoisson, MeanField, id="gamma"),
    pytest.param(BetaBernoulli, MeanField, id="beta"),
    pytest.param(DirichletMultinomial, FullRank, id="dirichlet"),
]


@pytest.mark.parametrize("size", [6, 60], ids=["whole", "subsampled"])
@pytest.mark.parametrize(("kind", "closed_form"), [("sampled", False), ("closed form", True)])
@pytest.mark.parametrize(("make", "family"), ZOO)
def test_value_and_gradient_are_pyros_own(make: Any, family: Any, kind: str, closed_form: bool, size: int) -> None:
    model, guide, batch = pair_of(make, family)
    value, gradient = reference(kind, model, guide, batch, size)
    loss, found = ours(ELBO(closed_form=closed_form), model, guide, batch, size)
    torch.testing.assert_close(loss.value.detach(), value, rtol=0, atol=1e-10)
    for name, expected in gradient.items():
        torch.testing.assert_close(found[name], expected, rtol=0, atol=1e-10, msg=lambda text, name=name: name + text)


@pytest.mark.parametrize(("make", "family"), ZOO)
def test_the_loss_is_distortion_plus_beta_times_rate(make: Any, family: Any) -> None:
    model, guide, batch = pair_of(make, family)
    losses = {}
    for beta in (0.0, 0.3, 1.0, 4.0):
        loss, _ = ours(ELBO(beta), model, guide, batch, 60)
        rate = sum(part for name, part in loss.record.items() if name.startswith("rate/"))
        torch.testing.assert_close(loss.value.detach(), loss.record["distortion"] + beta * rate, rtol=0, atol=1e-10)
        bound = loss.record["log_joint" if family is Delta else "elbo"]
        torch.testing.assert_close(bound, -(loss.record["distortion"] + rate), rtol=0, atol=1e-10)
        losses[beta] = loss.value.detach()
    torch.testing.assert_close(losses[4.0] - losses[1.0], 3 * (losses[1.0] - losses[0.0]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("k", [2, 5])
def test_particles_are_averaged(k: int) -> None:
    model, guide, batch = pair_of(vae, MeanField)
    value, gradient = reference("sampled", model, guide, batch, 60, num_particles=k)
    loss, found = ours(ELBO(num_particles=k, closed_form=False), model, guide, batch, 60)
    torch.testing.assert_close(loss.value.detach(), value, rtol=0, atol=1e-10)
    torch.testing.assert_close(loss.record["elbo"], -value, rtol=0, atol=1e-10)
    for name, expected in gradient.items():
        torch.testing.assert_close(found[name], expected, rtol=0, atol=1e-10)


def test_a_delta_gives_a_log_joint_and_no_elbo() -> None:
    model, guide, batch = pair_of(lambda: Autoencoder(X_SHAPE, latent_dim=3), Delta)
    loss, _ = ours(ELBO(), model, guide, batch, 6)
    assert "elbo" not in loss.record
    z = guide(batch)["z"]
    joint = model.z().log_prob(z) + model.x(z).log_prob(batch["x"])
    torch.testing.assert_close(loss.record["log_joint"], joint.mean().detach(), rtol=0, atol=1e-10)


# What a closed form may replace ---------------------------------------------------------------------------------------


class Line(Model):
    """z1 ~ Normal(0, 1);  z2 | z1 ~ Normal(z1, 1);  x | z2 ~ Normal(z2, 1/2)."""

    @latent
    def z1(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @latent
    def z2(self, z1: Tensor) -> Any:
        return dist.Normal(z1, 1.0)

    @observed
    def x(self, z2: Tensor) -> Any:
        return dist.Normal(z2, 0.5)


class Exact(Guide):
    """The posterior of Line, drawn from the data upwards: z2 | x, then z1 | z2."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))

    @latent
    def z2(self, x: Tensor) -> Any:
        return dist.Normal(x * 2 / 2.25 + 0 * self.unused, (2 * 0.25 / 2.25) ** 0.5)

    @latent
    def z1(self, z2: Tensor) -> Any:
        return dist.Normal(z2 / 2, 0.5**0.5)


def test_a_guide_in_inverse_order_keeps_its_bound() -> None:
    """Where the prior's parents depend on the site itself, KL(q || p) is another number: Pyro's own is wrong here."""
    model, guide, x = Line(), Exact(), torch.tensor([0.3, -2.0, 1.1]).repeat(3000)
    exact = dist.Normal(0.0, 1.5).log_prob(x).mean()
    sampled, _ = ours(ELBO(closed_form=False), model, guide, {"x": x}, len(x))
    torch.testing.assert_close(sampled.record["elbo"], exact, rtol=0, atol=1e-10)  # q is p(z | x): no draw may miss it
    mixed, _ = ours(ELBO(), model, guide, {"x": x}, len(x))
    wrong, _ = reference("closed form", model, guide, {"x": x}, len(x))
    assert mixed.record["elbo"] == pytest.approx(exact.item(), abs=0.05)  # z1 in closed form, z2 sampled
    assert abs(-wrong - exact) > 0.1


def test_masked_elements_do_not_count() -> None:
    """The guide does not know the model's mask; counting its rate there would lift the bound above log p(x)."""
    mask, x = torch.tensor([True, False, True]), torch.tensor([0.5, 9.0, -1.0])

    def model(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample_size=len(x)), pyro.poutine.mask(mask=mask):
            z = pyro.sample("z", dist.Normal(torch.zeros(3), 1.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=x)

    def guide(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(x / 2, 0.5**0.5))

    program = ppgen.Program(model, guide).setup({"x": x})
    exact = dist.Normal(0.0, 2**0.5).log_prob(x)[mask].sum() / 3
    sampled, _ = ours(ELBO(closed_form=False), program.model, program.guide, {"x": x}, 3)
    torch.testing.assert_close(sampled.record["elbo"], exact, rtol=0, atol=1e-10)
    closed, _ = ours(ELBO(), program.model, program.guide, {"x": x}, 3)
    kl = 0.5 * ((x / 2) ** 2 + 0.5 - 1 - math.log(0.5))
    torch.testing.assert_close(closed.record["rate/z"], kl[mask].sum() / 3, rtol=0, atol=1e-10)


def test_a_scale_for_each_datum_weighs_it() -> None:
    weights, x = torch.tensor([1.0, 0.0, 3.0]), torch.tensor([0.5, 9.0, -1.0])

    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)), pyro.poutine.scale(scale=weights.clamp(min=1e-300)):
            pyro.sample("x", dist.Normal(torch.zeros(3), 1.0), obs=x)

    program = ppgen.Program(model).setup({"x": x})
    nll = -dist.Normal(0.0, 1.0).log_prob(x)
    loss = loss_of(ppgen.MaximumLikelihood(), program.model, None, {"x": x}, 3)
    torch.testing.assert_close(loss.value, (weights * nll).sum() / 3, rtol=0, atol=1e-10)


def test_an_inner_plate_is_summed_over() -> None:
    class Views(Model):
        """One z, four views of it."""

        @latent
        def z(self) -> Any:
            return dist.Normal(0.0, 1.0)

        @observed(plate="views")
        def x(self, z: Tensor) -> Any:
            return dist.Normal(z, 1.0)

    model, x = Views(), torch.randn(5, 4)
    guide = MeanField(model).setup({"x": x})
    value, gradient = reference("closed form", model, guide, {"x": x}, 50)
    loss, found = ours(ELBO(), model, guide, {"x": x}, 50)
    torch.testing.assert_close(loss.value.detach(), value, rtol=0, atol=1e-10)
    torch.testing.assert_close(found, gradient, rtol=0, atol=1e-10)


def test_programs_with_their_own_parameters() -> None:
    def model(x: Tensor, size: int) -> None:
        weight = pyro.param("weight", torch.tensor(0.7))
        with pyro.plate("data", size, subsample_size=len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(weight * z, 1.0), obs=x)

    def guide(x: Tensor, size: int) -> None:
        spread = pyro.param("spread", torch.tensor(0.5), constraint=dist.constraints.positive)
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(x / 2, spread))

    x = torch.randn(6)
    program = ppgen.Program(model, guide).setup({"x": x})
    value, gradient = reference("closed form", program.model, program.guide, {"x": x}, 6)
    loss, found = ours(ELBO(), program.model, program.guide, {"x": x}, 6)
    torch.testing.assert_close(loss.value.detach(), value, rtol=0, atol=1e-10)
    torch.testing.assert_close(found, gradient, rtol=0, atol=1e-10)
    assert any(bool(g.abs() > 1e-3) for g in found.values())


# Settings -------------------------------------------------------------------------------------------------------------


def test_the_warmup_rises_from_zero_to_beta() -> None:
    objective = ELBO(beta=4.0, warmup=10)
    weights = [objective.schedule(TrainingPosition(0, epoch))["beta"] for epoch in (0.0, 2.5, 10.0, 30.0)]
    assert weights == [0.0, 1.0, 4.0, 4.0]
    model, guide, batch = pair_of(vae, MeanField)
    loss, _ = ours(objective, model, guide, batch, 6)
    torch.testing.assert_close(loss.value.detach(), loss.record["distortion"])
    assert loss.record["elbo"] < -loss.record["distortion"]  # the true ELBO all the same


def test_only_what_changes_the_loss_is_scheduled() -> None:
    halfway = TrainingPosition(0, 5.0)
    assert ELBO().schedule(halfway) == {}
    assert ELBO(2.0).schedule(halfway) == {"beta": 2.0}
    assert ELBO(warmup=10).schedule(halfway) == {"beta": 0.5}
    assert ELBO(capacity=4.0, warmup=10).schedule(halfway) == {"capacity": 2.0}


OUT_OF_RANGE = (
    {"beta": -1.0}, {"beta": float("nan")}, {"warmup": -2.0}, {"cycles": 0}, {"free_bits": -0.1},
    {"free_bits_per": "pixel"}, {"capacity": float("inf")}, {"capacity_weight": "a lot"}, {"label_weight": -1},
    {"gradient": "dreg"}, {"num_particles": True},
)  # fmt: skip


@pytest.mark.parametrize("settings", OUT_OF_RANGE, ids=str)
def test_settings_out_of_range_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=next(iter(settings))):
        ELBO(**settings)


CLASHES = (
    {"capacity": 1.0, "free_bits": 1.0}, {"capacity": 1.0, "beta": 4.0}, {"gradient": "score", "free_bits": 1.0},
    {"gradient": "score", "capacity": 0.0}, {"gradient": "score", "label_weight": 1.0},
)  # fmt: skip


@pytest.mark.parametrize("settings", CLASHES, ids=str)
def test_settings_of_which_one_would_be_ignored_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=" and ".join(settings) if "gradient" not in settings else "score"):
        ELBO(**settings)


# Labels ---------------------------------------------------------------------------------------------------------------


def test_labels_teach_the_guide_by_their_weight() -> None:
    """Kingma et al., 2014, equation 9, per datum of the batch."""
    torch.manual_seed(0)
    model = SemiSupervisedVAE((1, 8, 8), num_classes=3, latent_dim=2)
    guide = MeanField(model)
    batch = {"x": torch.bernoulli(torch.full((4, 1, 8, 8), 0.5)), "y": torch.tensor([2, -1, -1, 0])}
    plain, _ = ours(ELBO(), model, guide, batch, 40)
    taught, gradient = ours(ELBO(label_weight=5.0), model, guide, batch, 40)
    q = trace_guide(guide, {"x": batch["x"]}, 4)["y"].guide_fn
    nll = -q.log_prob(torch.tensor([2, 0, 0, 0]))[[0, 3]].sum() / 4
    torch.testing.assert_close(taught.value, plain.value + 5 * nll, rtol=0, atol=1e-10)
    torch.testing.assert_close(taught.record, plain.record, rtol=0, atol=1e-10)
    three, _ = ours(ELBO(label_weight=5.0, num_particles=3), model, guide, batch, 40)
    assert three.value > three.record["distortion"]
    assert any(bool(g.abs().max() > 1e-6) for g in gradient.values())


def test_labels_of_two_latents_teach_both() -> None:
    """Row 0 knows both, row 1 the second only; q factorises, so that what is summed out does not matter."""

    class Two(Model):
        @latent
        def y(self) -> Any:
            return dist.Categorical(torch.ones(3))

        @latent
        def w(self) -> Any:
            return dist.Categorical(torch.ones(2))

        @observed
        def x(self, y: Tensor, w: Tensor) -> Any:
            return dist.Normal(y + 3.0 * w, 1.0)

    class Apart(Guide):
        @latent
        def y(self, x: Tensor) -> Any:
            return dist.Categorical(logits=x[:, None] * torch.tensor([0.3, -0.2, 0.5]))

        @latent
        def w(self, x: Tensor) -> Any:
            return dist.Categorical(logits=x[:, None] * torch.tensor([-0.4, 0.1]))

    x = torch.tensor([1.0, -2.0])
    batch = {"x": x, "y": torch.tensor([2, -1]), "w": torch.tensor([1, 0])}
    plain, _ = ours(ELBO(), Two(), Apart(), batch, 20)
    taught, _ = ours(ELBO(label_weight=5.0), Two(), Apart(), batch, 20)
    log_q = Apart().y(x).log_prob(torch.tensor([2, 0]))[0] + Apart().w(x).log_prob(batch["w"]).sum()
    torch.testing.assert_close(taught.value, plain.value - 5 * log_q / 2, rtol=0, atol=1e-10)


def test_a_label_weight_without_labels_to_learn_is_refused() -> None:
    model, guide, batch = pair_of(vae, MeanField)
    with pytest.raises(DeclarationError, match="no latent can be observed"):
        ours(ELBO(label_weight=1.0), model, guide, batch, 6)


# Sticking the landing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [vae, TwoLevels], ids=["vae", "two levels"])
def test_the_scores_left_out_by_sticking_the_landing_are_all_that_is_left_out(make: Any) -> None:
    """The same value at the same draw; model gradients alike; guide gradients differ by the score of q at that draw."""
    model, guide, batch = pair_of(make, FullRank)
    full, with_score = ours(ELBO(closed_form=False, beta=0.5), model, guide, batch, 60)
    stuck, without = ours(ELBO(gradient="stl", beta=0.5), model, guide, batch, 60)
    torch.testing.assert_close(full.value, stuck.value, rtol=0, atol=1e-10)
    pyro.set_rng_seed(0)
    drawn = {name: draw.value.detach() for name, draw in trace_guide(guide, batch, 60).items()}
    scored = trace_guide(guide, batch, 60, drawn).values()
    score = gradients(sum(draw.guide_fn.log_prob(draw.value).sum() for draw in scored) / 6, model, guide)
    for name in with_score:
        expected = without[name] + 0.5 * score[name]
        torch.testing.assert_close(
            with_score[name], expected, rtol=0, atol=1e-8, msg=lambda text, name=name: name + text
        )


def test_what_guide_and_model_share_keeps_the_models_gradient() -> None:
    """The weight stands in the guide, where sticking the landing freezes it, and in the model, where it must not."""
    shared = nn.Parameter(torch.tensor(0.7))

    class Prior(Model):
        def __init__(self) -> None:
            super().__init__()
            self.shared = shared

        @latent
        def z(self) -> Any:
            return dist.Normal(self.shared, 1.0)

        @observed
        def x(self, z: Tensor) -> Any:
            return dist.Normal(z, 1.0)

    class Same(Guide):
        def __init__(self) -> None:
            super().__init__()
            self.shared = shared

        @latent
        def z(self, x: Tensor) -> Any:
            return dist.Normal(self.shared * x, 1.0)

    x = torch.tensor([1.0, -2.0]).repeat(2000)
    model, guide = Prior(), Same()
    exact = torch.autograd.grad((0.5 * (shared * x - shared) ** 2 + 0.5 * (x - shared * x) ** 2).mean(), shared)[0]
    _, found = ours(ELBO(gradient="stl"), model, guide, {"x": x}, len(x))
    torch.testing.assert_close(found["0.shared"], exact, rtol=0, atol=0.15)
    assert shared.requires_grad
