"""Draws of x, and reconstructions."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Guide, Model, implicit, latent, observed
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.guides import FullRank, MeanField
from ppgen.inference import posterior, predictive
from ppgen.inference.predictive import as_latents, covariates, placeholders, prior_batch, verify_latents
from ppgen.models import BayesianLogisticRegression, ConditionalVAE
from tests.oracles.conjugate import SharedMean, TwoLevels

CPU = torch.device("cpu")


class Known(Model):
    """z ~ Normal(0, 1);  x | z, y ~ Normal(10 y + z, 0.1);  w | z ~ Bernoulli(sigmoid z): two observed sites."""

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([1]).to_event(1)

    @observed
    def x(self, z: Tensor, y: Tensor) -> Any:
        return dist.Normal(10.0 * y.unsqueeze(-1) + z, 0.1).to_event(1)

    @observed
    def w(self, z: Tensor) -> Any:
        return dist.Bernoulli(logits=z.squeeze(-1))


class Reads(Guide):
    """z | x, y ~ Normal(x - 10 y, 0.1)."""

    @latent
    def z(self, x: Tensor, y: Tensor) -> Any:
        return dist.Normal(x - 10.0 * y.unsqueeze(-1), 0.1).to_event(1)


def test_draws_follow_the_covariates_row_by_row(monkeypatch: Any) -> None:
    monkeypatch.setattr(predictive, "_ROWS", 7)  # pieces that do not divide the number of draws
    y = torch.arange(20)
    drawn = predictive.draw_observed(Known(), {"y": y}, 20, fixed={}, mean=False, seed=0, device=CPU)
    assert set(drawn) == {"x", "w"}
    assert drawn["x"].shape == (20, 1)
    assert (drawn["x"].squeeze(-1) - 10.0 * y).abs().max() < 5
    assert set(drawn["w"].unique().tolist()) <= {0.0, 1.0}


def test_a_mean_is_of_the_likelihood_at_a_draw_of_z() -> None:
    y = torch.zeros(2000)
    exact = predictive.draw_observed(Known(), {"y": y}, 2000, fixed={}, mean=True, seed=0, device=CPU)
    assert exact["w"].unique().numel() > 100  # probabilities, not bits
    torch.testing.assert_close(torch.sigmoid(exact["x"]).squeeze(-1), exact["w"])  # both at the same z
    drawn = predictive.draw_observed(Known(), {"y": y}, 2000, fixed={}, mean=False, seed=0, device=CPU)
    assert abs(drawn["x"].std() - 1.005) < 0.06
    assert abs(exact["x"].std() - 1.0) < 0.06


def test_an_implicit_site_is_what_the_generator_gives() -> None:
    class Doubler(Model):
        @latent
        def z(self) -> Any:
            return dist.Normal(0.0, 1.0).expand([3]).to_event(1)

        @implicit
        def x(self, z: Tensor) -> Tensor:
            return 2 * z

    drawn = predictive.draw_observed(Doubler(), {}, 4, fixed={}, mean=False, seed=0, device=CPU)
    torch.manual_seed(0)
    torch.testing.assert_close(drawn["x"], 2 * torch.randn(4, 3))


def test_codes_and_reconstructions_are_at_the_posterior_mean(monkeypatch: Any) -> None:
    monkeypatch.setattr(posterior, "_ROWS", 7)
    monkeypatch.setattr(predictive, "_ROWS", 7)
    torch.manual_seed(0)
    y = torch.arange(20.0)
    z = torch.randn(20, 1)
    batch = {"x": 10.0 * y.unsqueeze(-1) + z, "w": torch.ones(20), "y": y}
    codes = posterior.encode(Known(), Reads(), batch, seed=0)
    torch.testing.assert_close(codes["z"], z, rtol=0, atol=1e-5)
    made = predictive.reconstruct(Known(), codes, batch, seed=0)
    torch.testing.assert_close(made["x"], batch["x"])
    torch.testing.assert_close(made["w"], torch.sigmoid(z.squeeze(-1)))


def test_a_global_latent_is_where_the_guide_puts_it() -> None:
    """Drawn from the prior instead, mu would be anywhere within plus or minus 4."""
    model = SharedMean()
    guide, x = FullRank(model), torch.randn(6, 2)
    with torch.no_grad():
        guide.free["mu"].copy_(torch.tensor([30.0, -20.0, -12.0, -12.0, 0.0]))  # a spread of about 1e-5
    fixed = predictive.draw_global(model, guide, {"x": x}, seed=0)
    torch.testing.assert_close(fixed["mu"], torch.tensor([30.0, -20.0]), rtol=0, atol=1e-3)
    drawn = predictive.draw_observed(model, {}, 600, fixed=fixed, mean=False, seed=0, device=CPU)["x"]
    torch.testing.assert_close(drawn.mean(0), torch.tensor([30.0, -20.0]), rtol=0, atol=0.2)
    codes = posterior.encode(model, guide, {"x": x}, seed=0)
    assert codes["mu"].shape == (2,)
    made = predictive.reconstruct(model, codes, {"x": x}, seed=0)["x"]
    torch.testing.assert_close(made, codes["mu"] + codes["z"])


def test_latents_are_given_by_name_or_the_only_one_alone() -> None:
    alone, named = (
        as_latents(Known(), given) for given in ([[1.0], [2.0]], {"z": torch.tensor([[1.0], [2.0]]).double()})
    )
    assert set(alone) == set(named) == {"z"}
    assert torch.equal(alone["z"], torch.tensor([[1.0], [2.0]]))
    assert torch.equal(named["z"], alone["z"])
    assert named["z"].dtype == torch.float32  # of the model
    assert as_latents(Known(), [[1], [2]])["z"].dtype == torch.int64  # a class stays one
    both = as_latents(TwoLevels(), {"z1": torch.ones(4, 3), "z2": torch.zeros(4, 2)})
    assert {name: value.shape for name, value in both.items()} == {"z1": (4, 3), "z2": (4, 2)}


@pytest.mark.parametrize(
    ("model", "given", "error", "what"),
    [
        (TwoLevels(), torch.ones(4, 3), SettingError, r"(?s)TwoLevels needs a value for each.*z2, z1"),
        (TwoLevels(), {"z1": torch.ones(4, 3)}, SettingError, "needs a value for each"),
        (Known(), {"z": torch.ones(4, 1), "w": torch.ones(4)}, SettingError, "needs a value for each"),
        (Known(), [["a"]], DataError, "no numbers"),
        (TwoLevels(), {"z1": torch.ones(4, 3), "z2": torch.ones(3, 2)}, DataError, "not the same rows"),
        (Known(), torch.tensor(1.0), DataError, "not the same rows"),
    ],
    ids=["alone", "missing", "unknown", "text", "other rows", "a number"],
)
def test_latents_that_do_not_fit_are_named(model: Model, given: Any, error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        as_latents(model, given)


def test_latents_have_the_shape_that_the_model_draws() -> None:
    given, before = {"y": torch.zeros(5)}, torch.get_rng_state()
    verify_latents(Known(), {"z": torch.zeros(5, 1)}, given)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(DataError, match=r"(?s)z has not the shape that Known draws.*\[N, 1\].*\[5, 2\]"):
        verify_latents(Known(), {"z": torch.zeros(5, 2)}, given)


def test_posterior_draws_have_the_guides_moments() -> None:
    torch.manual_seed(0)
    y = torch.zeros(4)
    batch = {"x": torch.randn(4, 1), "w": torch.ones(4), "y": y}
    draws = posterior.draw_posterior(Known(), Reads(), batch, 3000, seed=0)["z"]
    assert draws.shape == (3000, 4, 1)
    torch.testing.assert_close(draws.mean(0), batch["x"], rtol=0, atol=0.01)
    torch.testing.assert_close(draws.std(0), torch.full((4, 1), 0.1), rtol=0, atol=0.01)


def test_joint_draws_of_dependent_latents_stay_together() -> None:
    model = TwoLevels()
    guide, x = FullRank(model), torch.randn(2, 5)
    with torch.no_grad():
        for parameter in guide.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    draws = posterior.draw_posterior(model, guide, {"x": x}, 400, seed=0)
    assert draws["z2"].shape == (400, 2, 2)
    joint = torch.cat([draws["z2"][:, 0], draws["z1"][:, 0]], -1)
    across = torch.corrcoef(joint.T)[:2, 2:].abs().max()
    shuffled = torch.cat([draws["z2"][:, 0], draws["z1"][torch.randperm(400), 0]], -1)
    assert across > 2 * torch.corrcoef(shuffled.T)[:2, 2:].abs().max()


def test_modes_come_back() -> None:
    class Dropping(TwoLevels):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        @observed
        def x(self, z1: Tensor) -> Any:
            return dist.Normal(self.drop(z1) @ self.b.T, 0.5).to_event(1)

    model = Dropping().train()
    guide = MeanField(model)
    x = torch.randn(3, 5)
    means = posterior.encode(model, guide, {"x": x}, seed=0)
    first = predictive.reconstruct(model, means, {"x": x}, seed=0)["x"]
    assert torch.equal(first, predictive.reconstruct(model, means, {"x": x}, seed=1)["x"])
    assert model.drop.training
    assert guide.training


DATA = ppgen.data.from_tensors({"x": torch.randn(30, 3), "y": torch.arange(30) % 3})


class Told(Model):
    @observed
    def x(self, y: Tensor, strength: Any = 1.0) -> Any:
        return dist.Normal(y, strength)


def test_a_covariate_is_given_once_for_all_draws_or_row_by_row() -> None:
    once = prior_batch(Told(), DATA, 3, {"y": 2})
    assert {name: value.tolist() for name, value in once.items()} == {"y": [2, 2, 2]}
    each = prior_batch(Told(), DATA, 3, {"y": [0, 1, 2], "strength": torch.tensor([0.1, 0.2, 0.3])})
    assert each["y"].tolist() == [0, 1, 2]
    torch.testing.assert_close(each["strength"], torch.tensor([0.1, 0.2, 0.3]))


@pytest.mark.parametrize(
    ("given", "error", "what"),
    [
        ({"strength": 1.0}, Unanswerable, "conditional on y"),
        ({"y": 0, "colour": 1}, SettingError, "colour is no covariate of Told"),
        ({"y": [0, 1]}, DataError, "y has not one row for each draw"),
    ],
    ids=["missing", "unknown", "too few rows"],
)
def test_covariates_that_do_not_fit_are_named(given: dict[str, Any], error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        prior_batch(Told(), DATA, 3, given)


def test_covariates_of_a_declared_model_are_parents_that_are_no_sites() -> None:
    assert covariates(Told(), DATA) == (["y"], ["y", "strength"])
    assert covariates(ConditionalVAE((1, 8, 8)), DATA) == (["y"], ["y"])
    assert placeholders(Told(), DATA, 4) == {}


def program(conditional: bool) -> ppgen.Program:
    def told(x: Tensor, y: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(10.0 * y.unsqueeze(-1), 1.0).expand([len(x), 3]).to_event(1), obs=x)

    def free(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z.unsqueeze(-1), 0.1).expand([len(x), 3]).to_event(1), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x.mean(-1), pyro.param("s", torch.tensor(0.1), dist.constraints.positive)))

    return ppgen.Program(told) if conditional else ppgen.Program(free, guide)


def test_a_hand_written_program_is_drawn_from_too() -> None:
    """Its function wants an x: it gets one, and what it says of it is drawn anew."""
    data = ppgen.data.from_tensors(torch.randn(40, 3))
    fit = ppgen.fit(program(conditional=False), data=data, max_epochs=1, progress=False)
    drawn = fit.sample(2000).only
    assert drawn.shape == (2000, 3)
    assert abs(drawn.std() - 1.005) < 0.05
    assert torch.corrcoef(drawn.T)[0, 1] > 0.95
    assert fit.encode().only.shape == (4,)
    assert fit.reconstruct().only.shape == (4, 3)


def test_columns_that_a_program_does_not_take_are_no_matter_of_its() -> None:
    made = program(conditional=False)
    made.setup({"x": torch.zeros(3, 3)})
    assert covariates(made.model, DATA) == ([], [])


def test_the_only_column_is_what_a_program_explains_whatever_its_site_is_called() -> None:
    def named(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("seen", dist.Normal(0.0, 1.0), obs=x)

    data = ppgen.data.from_tensors({"x": torch.randn(20)})
    made = ppgen.Program(named).setup(data.representative_rows())
    assert covariates(made.model, data) == ([], [])
    assert set(placeholders(made.model, data, 4)) == {"x"}


def test_a_program_that_takes_the_batch_takes_all_of_it() -> None:
    def whole(batch: dict[str, Tensor]) -> None:
        with pyro.plate("data", len(batch["x"])):
            loc = batch["y"].float().unsqueeze(-1).expand(-1, 3)
            pyro.sample("x", dist.Normal(loc, 1.0).to_event(1), obs=batch["x"])

    made = ppgen.Program(whole).setup(DATA.representative_rows())
    assert covariates(made.model, DATA) == (["y"], ["y"])
    assert set(prior_batch(made.model, DATA, 4, {"y": 1})) == {"x", "y"}


def test_other_arguments_of_a_program_are_covariates() -> None:
    made = program(conditional=True)
    fit = ppgen.fit(made, data=DATA, max_epochs=1, progress=False)
    assert covariates(made.model, DATA) == (["y"], ["y"])
    (x,) = placeholders(made.model, DATA, 4).values()
    assert (x.shape, x.dtype) == ((4, 3), torch.float32)
    torch.testing.assert_close(fit.sample(900, y=2).only.mean(0), torch.full((3,), 20.0), rtol=0, atol=0.2)
    with pytest.raises(Unanswerable, match="conditional on y"):
        fit.sample(4)


def test_a_class_has_no_mean_and_is_drawn():
    """torch gives NaN for the mean of a Categorical."""
    model, x = BayesianLogisticRegression(x_dim=1), torch.linspace(-1.0, 1.0, 30).unsqueeze(1)
    drawn, means = (
        predictive.draw_observed(model, {"x": x}, 30, fixed={}, mean=mean, seed=0, device=CPU)["y"]
        for mean in (False, True)
    )
    assert set(drawn.tolist()) <= {0, 1}
    assert torch.equal(means, drawn)
