from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch

import ppgen
from ppgen.by_site import BySite
from ppgen.errors import DataError, PpgenError, SettingError, Unanswerable
from ppgen.fitted import Fit
from ppgen.guides import Delta, FullRank, MeanField
from ppgen.models import GAN, VAE, Autoencoder, ConditionalVAE, GatedPixelCNN, MixtureVAE
from tests.oracles.conjugate import SharedMean, TwoLevels
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal, posterior

X = (1, 8, 8)


class ExactPosterior(ppgen.Guide):
    """The posterior of probabilistic PCA in closed form."""

    def __init__(self, model: PPCA) -> None:
        super().__init__()
        self.find = functools.partial(posterior, model)

    @ppgen.latent
    def z(self, x: torch.Tensor) -> Any:
        found = self.find(x)
        return dist.MultivariateNormal(found.mean.float(), found.covariance_matrix.float())


def fit(model: Any, guide: Any = None, data: Any = "digits", objective: Any = None) -> Fit:
    return ppgen.fit(model, data, guide=guide, objective=objective, max_epochs=1, progress=False, device="cpu")


@pytest.fixture(scope="module")
def conditional() -> Fit:
    torch.manual_seed(0)
    return fit(ConditionalVAE(X, latent_dim=2, hidden=(8,)))


@pytest.fixture(scope="module")
def several() -> Fit:
    model = TwoLevels()
    torch.manual_seed(0)
    return fit(model, FullRank(model), model(size=100)["x"])


@pytest.fixture(scope="module")
def summed() -> Fit:
    torch.manual_seed(0)
    return fit(MixtureVAE(X, latent_dim=2, num_clusters=3, hidden=(8,)))


@pytest.fixture(scope="module")
def implicit() -> Fit:
    return fit(GAN(X, latent_dim=3, hidden=(8,)))


@pytest.fixture(scope="module")
def exact() -> Fit:
    return fit(GatedPixelCNN(X, 4, 1))


# Numbers that say what they are ---------------------------------------------------------------------------------------


def test_an_elbo_is_a_lower_bound_with_its_facts(vae_fit: Fit) -> None:
    elbo = vae_fit.elbo(num_particles=3)
    assert (elbo.kind, elbo.unit, elbo.per, elbo.better) == ("lower bound", "nats", "datum", "higher")
    assert (elbo.measure, elbo.estimator, elbo.num_data) == ("binary", "ELBO-3", 360)
    by_datum = vae_fit.log_prob_per_datum(num_particles=1)
    one = vae_fit.elbo()
    assert one.value == pytest.approx(by_datum.mean().item(), abs=0.2)
    assert one.standard_error == pytest.approx((by_datum.std() / 360**0.5).item(), rel=0.2)


def test_a_tighter_bound_says_how_tight(vae_fit: Fit) -> None:
    bound = vae_fit.log_prob(num_particles=50)
    assert (bound.kind, bound.estimator) == ("lower bound", "IWAE-50")
    assert bound.value > vae_fit.elbo(num_particles=5).value
    assert vae_fit.log_prob(num_particles=50) == bound
    assert vae_fit.log_prob(num_particles=50, seed=1) != bound


def test_without_latents_a_density_is_exact(exact: Fit) -> None:
    density = exact.log_prob()
    assert (density.kind, density.estimator, density.measure) == ("exact", "log p(x)", "binary")
    assert exact.elbo() == density
    assert exact.log_prob_per_datum().dtype == torch.float64


def test_a_continuous_likelihood_has_a_continuous_measure() -> None:
    torch.manual_seed(0)
    found = fit(PPCA(), FullRank, marginal(PPCA()).sample((60,)).float())
    assert found.elbo().measure == "continuous"
    unit = fit(Autoencoder(X, latent_dim=2, hidden=(8,)), MeanField, ppgen.data.load("digits"))
    assert unit.elbo().measure == "continuous"  # a Normal on bits is no binary density


def test_a_global_latent_leaves_a_predictive_density() -> None:
    model = SharedMean()
    torch.manual_seed(0)
    found = fit(model, None, model(size=60)["x"].detach())
    assert found.elbo(num_particles=7).kind == "lower bound"
    assert found.log_prob(num_particles=7).estimator == "lppd-7"  # its closed forms: tests/inference/test_prediction.py
    assert found.encode().only.shape == (6, 2)
    assert found.reconstruct().only.shape == (6, 2)
    assert found.sample(3).only.shape == (3, 2)


@pytest.mark.parametrize("which", ["one latent", "two latents", "a class that is summed out"])
def test_log_weights_are_those_of_the_bound(vae_fit: Fit, several: Fit, summed: Fit, which: str) -> None:
    """Their logmeanexp is the bound of the same draws, also where a latent is summed out."""
    found = {"one latent": vae_fit, "two latents": several, "a class that is summed out": summed}[which]
    weights = found.log_weights(num_particles=20, seed=3)
    bound = found.log_prob_per_datum(num_particles=20, seed=3)
    assert (weights.shape, weights.dtype) == ((20, len(bound)), torch.float64)
    torch.testing.assert_close(weights.logsumexp(0) - math.log(20), bound, rtol=0, atol=1e-10)


def test_log_weights_of_the_exact_posterior_are_the_evidence() -> None:
    """``p(x, z) / q(z | x)`` is p(x) at every draw, where q is the posterior: the closed form of a linear Gaussian."""
    torch.manual_seed(0)
    model = PPCA()
    x = marginal(model).sample((40,)).float()
    found = fit(model, FullRank, x)
    found.guide = ExactPosterior(model)
    weights = found.log_weights(x[:5], num_particles=4)
    expected = log_evidence(model, x[:5]).expand(4, 5)
    torch.testing.assert_close(weights, expected, rtol=0, atol=1e-4)


def test_without_latents_there_is_nothing_to_weigh(exact: Fit, implicit: Fit) -> None:
    with pytest.raises(Unanswerable, match=r"(?s)no latent variables.*log_prob_per_datum"):
        exact.log_weights()
    with pytest.raises(Unanswerable, match="implicit"):
        implicit.log_weights()
    model = SharedMean()
    with pytest.raises(Unanswerable, match=r"log_weights: .*global latent"):
        fit(model, None, model(size=60)["x"].detach()).log_weights()


# Samples, codes, reconstructions --------------------------------------------------------------------------------------


def test_samples_have_the_datas_shape_and_values(vae_fit: Fit, exact: Fit, implicit: Fit) -> None:
    assert set(vae_fit.sample(600).only.unique().tolist()) == {0.0, 1.0}
    assert vae_fit.sample(600).only.shape == (600, *X)
    means = vae_fit.sample(3, mean=True).only
    assert ((means > 0) & (means < 1)).all()
    assert torch.equal(vae_fit.sample(3, seed=2).only, vae_fit.sample(3, seed=2).only)
    assert not torch.equal(vae_fit.sample(3, seed=2).only, vae_fit.sample(3, seed=3).only)
    assert set(exact.sample(2).only.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(exact.sample(2, mean=True).only, exact.sample(2).only)  # a pixel's mean is a sum over all images
    assert implicit.sample(2).only.shape == (2, *X)


def test_samples_of_a_conditional_model_need_its_covariates(conditional: Fit) -> None:
    assert conditional.sample(4, y=3).only.shape == (4, *X)
    assert conditional.sample(4, y=[0, 1, 2, 3]).only.shape == (4, *X)
    assert conditional.sample(4, y=np.array([0, 1, 2, 3], dtype=np.int32)).only.shape == (4, *X)
    with pytest.raises(Unanswerable, match=r"(?s)conditional on y.*fit\.sample\(4, y="):
        conditional.sample(4)
    with pytest.raises(DataError, match="y"):
        conditional.sample(4, y=[0, 1])
    with pytest.raises(DataError, match="labels are out of range") as caught:
        conditional.sample(4, y=11)
    assert caught.value.fix


@pytest.mark.parametrize("name", ["z", "x", "why"])
def test_what_is_no_covariate_is_refused(vae_fit: Fit, name: str) -> None:
    with pytest.raises(SettingError, match=f"{name} is no covariate"):
        vae_fit.sample(2, **{name: torch.zeros(2)})


def test_codes_of_several_latents_are_by_name(several: Fit, vae_fit: Fit) -> None:
    codes = several.encode()
    assert {name: tuple(value.shape) for name, value in codes.items()} == {"z2": (10, 2), "z1": (10, 3)}
    assert several.reconstruct().only.shape == (10, 5)
    assert vae_fit.encode().only.shape == (360, 3)
    assert torch.equal(vae_fit.encode().only, vae_fit.encode(seed=5).only)  # closed means: no noise


@pytest.mark.parametrize(("ask", "site"), [("encode", "z"), ("reconstruct", "x"), ("sample", "x")])
def test_answers_are_by_site_whatever_the_model(vae_fit: Fit, several: Fit, ask: str, site: str) -> None:
    arguments = (3,) if ask == "sample" else ()
    for found in (vae_fit, several):
        assert type(getattr(found, ask)(*arguments)) is BySite
    answered = getattr(vae_fit, ask)(*arguments)
    assert list(answered) == [site]
    assert torch.equal(getattr(vae_fit, ask)(*arguments, site=site), answered[site])
    with pytest.raises(SettingError, match=f"(?s)no site 'w'.*{site}.*fix"):
        getattr(vae_fit, ask)(*arguments, site="w")


def test_only_is_for_one_site(several: Fit) -> None:
    with pytest.raises(SettingError, match=r"(?s)2 sites.*z2, z1"):
        several.encode().only  # noqa: B018
    assert torch.equal(several.encode(site="z1"), several.encode()["z1"])


def test_data_may_be_given_in_any_form(vae_fit: Fit, conditional: Fit) -> None:
    test = vae_fit.data.split("test")
    expected = vae_fit.encode({"x": test["x"][:7]}).only
    assert torch.equal(vae_fit.encode().only[:7], expected)
    assert torch.equal(vae_fit.encode(test["x"][:7]).only, expected)
    assert torch.equal(vae_fit.encode(test["x"][:7].numpy()).only, expected)
    assert torch.equal(vae_fit.encode(test["x"][:7].double()).only, expected)
    assert torch.equal(vae_fit.encode(vae_fit.data).only, vae_fit.encode().only)
    assert conditional.reconstruct({"x": test["x"][:7], "y": test["y"][:7]}).only.shape == (7, *X)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda x: x * 0.5, "support"),
        (lambda x: x * float("nan"), "finite"),
        (lambda x: x.squeeze(1), "channel"),
        (lambda x: x.permute(0, 2, 3, 1), "permute"),
        (lambda x: x[:, :, :7], "shape"),
        (lambda x: x[:0], "at least one"),
        (lambda x: torch.cat([x.repeat(9, 1, 1, 1), x[:1] * 0.3]), "support"),
        (lambda x: {"y": torch.zeros(3)}, "x"),
    ],
)
@pytest.mark.parametrize("ask", ["elbo", "log_prob", "encode", "reconstruct", "posterior"])
def test_a_density_of_what_cannot_be_is_no_number(vae_fit: Fit, ask: str, damage: Any, word: str) -> None:
    with pytest.raises(PpgenError, match=word):
        getattr(vae_fit, ask)(damage(vae_fit.data.split("test")["x"][:40]))


@pytest.mark.parametrize(("ask", "value"), [("sample", 0), ("sample", 1.5), ("posterior", 0)])
def test_numbers_of_draws_out_of_range(vae_fit: Fit, ask: str, value: Any) -> None:
    with pytest.raises(SettingError, match="out of range"):
        getattr(vae_fit, ask)(**({"n": value} if ask == "sample" else {"num_draws": value}))


def test_an_empty_test_split_says_so() -> None:
    x = torch.bernoulli(torch.full((30, 4), 0.5))
    found = fit(VAE((4,), 2, hidden=(4,)), None, ppgen.data.from_tensors(x, test=0.0, valid=0.1))
    with pytest.raises(DataError, match="test split is empty"):
        found.elbo()
    assert found.elbo(x).num_data == 30


# What cannot be answered ----------------------------------------------------------------------------------------------


def test_questions_without_an_answer(implicit: Fit, exact: Fit) -> None:
    for ask in (implicit.elbo, implicit.log_prob, implicit.log_prob_per_datum):
        with pytest.raises(Unanswerable, match=r"(?s)no density: implicit model.*fix"):
            ask()
    for found in (implicit, exact):
        for ask in (found.encode, found.reconstruct, found.posterior):
            with pytest.raises(Unanswerable, match=r"(?s)no representation.*fix"):
                ask()
    reason = implicit.unanswerable("density")
    assert reason is not None
    assert reason.startswith("no density: implicit model; ")
    assert implicit.unanswerable("sampling") is None
    with pytest.raises(SettingError, match="question"):
        implicit.unanswerable("taste")


# Posterior draws ------------------------------------------------------------------------------------------------------


def test_posterior_draws_are_arviz_data_on_disk_too(tmp_path: Path) -> None:
    import arviz

    torch.manual_seed(0)
    model = TwoLevels()
    found = ppgen.fit(
        model, model(size=60)["x"], guide=FullRank(model), max_epochs=1, out=tmp_path / "run", progress=False
    )
    posterior = found.posterior(num_draws=50)
    assert posterior.posterior["z1"].shape == (1, 50, 6, 3)
    assert posterior.posterior["z2"].shape == (1, 50, 6, 2)
    again = arviz.from_netcdf(tmp_path / "run" / "posterior.nc")
    np.testing.assert_array_equal(again.posterior["z1"].values, posterior.posterior["z1"].values)
    np.testing.assert_array_equal(again.observed_data["x"].values, found.data.split("test")["x"].numpy())
    assert sorted(path.name for path in (tmp_path / "run").glob("*.nc")) == ["posterior.nc"]


def test_posterior_draws_are_those_of_the_guide(vae_fit: Fit) -> None:
    x = vae_fit.data.split("test")["x"][:5]
    draws = torch.as_tensor(vae_fit.posterior(x, num_draws=2000).posterior["z"].values)[0]
    torch.testing.assert_close(draws.mean(0), vae_fit.encode(x).only, rtol=0, atol=0.12)


# The object -----------------------------------------------------------------------------------------------------------


def test_it_says_what_it_is(vae_fit: Fit) -> None:
    assert repr(vae_fit).startswith("Fit(VAE, MeanField, ELBO(), data='digits', 2 epochs, ")
    assert vae_fit.settings["max_epochs"] == 2
    assert vae_fit.settings["dtypes"] == {"x": "float32", "y": "int64"}
    assert vae_fit.device == torch.device("cpu")


def test_it_moves_with_all_that_has_weights(implicit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ``meta`` device, which no user may ask for, stands for a GPU: it is at hand everywhere."""
    found = copy.deepcopy(implicit)
    monkeypatch.setattr("ppgen.fitted_pair.resolve_device", lambda device: torch.device("meta"))
    assert found.to("cuda") is found
    monkeypatch.undo()
    modules = [found.model, *found.state.networks.values()]
    assert {p.device.type for module in modules for p in module.parameters()} == {"meta"}
    assert len(modules) == 2
    with pytest.raises(SettingError, match="tpu9"):
        found.to("tpu9")


def test_accessors_of_upper_rooms_are_listed_and_others_are_none(vae_fit: Fit) -> None:
    assert {"plot", "_repr_html_", "elbo"} <= set(dir(vae_fit))
    with pytest.raises(AttributeError, match="'Fit' object has no attribute 'plott'"):
        vae_fit.plott  # noqa: B018


def test_parameters_are_counted_once_and_only_if_they_are_trained() -> None:
    model = VAE((4,), 2, hidden=(4,))
    encoder = torch.nn.Sequential(torch.nn.Linear(4, 2), model.decoder)
    guide = MeanField(model, encoder=encoder)
    x = torch.bernoulli(torch.full((30, 4), 0.5))
    found = fit(model, guide, x)
    expected = sum(p.numel() for p in {*model.parameters(), *guide.parameters()})
    assert found.num_parameters == expected
    encoder[0].requires_grad_(False)
    assert found.num_parameters == expected - 10


def test_a_point_guide_written_by_hand_is_known_as_one() -> None:
    """Whatever its class: a Delta has no entropy."""
    import pyro.distributions as dist

    class Point(ppgen.Guide):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Linear(20, 4)

        @ppgen.latent
        def z(self, x: torch.Tensor) -> Any:
            return dist.Delta(self.net(x)).to_event(1)

    torch.manual_seed(0)
    x = marginal(PPCA()).sample((60,)).float()
    model = PPCA()
    for guide in (Point(), Delta(model)):
        found = fit(model, guide, x)
        assert "elbo" not in found.history[0]["train"]
        assert "log_joint" in found.history[0]["valid"]
        with pytest.raises(Unanswerable, match="no entropy"):
            found.elbo()


def test_codes_are_decoded_to_what_they_were_reconstructed_to() -> None:
    torch.manual_seed(0)
    found = fit(PPCA(), None, marginal(PPCA()).sample((40,)).float())
    codes = found.encode()
    assert torch.equal(found.decode(codes).only, found.reconstruct().only)
    assert torch.equal(found.decode(codes.only, site="x"), found.reconstruct(site="x"))
    mean = codes.only @ found.model.weight.detach().T + found.model.bias.detach()
    torch.testing.assert_close(found.decode(codes.only).only, mean)


@pytest.mark.parametrize("seed", ["a", 1.5, None, True])
def test_seeds_of_every_method_are_whole_numbers(vae_fit: Fit, seed: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: vae_fit.elbo(seed=seed),
        lambda: vae_fit.log_prob(num_particles=2, seed=seed),
        lambda: vae_fit.log_weights(num_particles=2, seed=seed),
        lambda: vae_fit.sample(2, seed=seed),
        lambda: vae_fit.decode(vae_fit.encode(), seed=seed),
        lambda: vae_fit.encode(seed=seed),
        lambda: vae_fit.reconstruct(seed=seed),
        lambda: vae_fit.posterior(num_draws=2, seed=seed),
        lambda: ppgen.evaluate(vae_fit, ["elbo"], seed=seed, progress=False),
    ]
    for call in calls:
        with pytest.raises(SettingError, match="seed is out of range"):
            call()
    assert vae_fit.log_prob(num_particles=2, seed=np.int64(3)) == vae_fit.log_prob(num_particles=2, seed=3)


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        ({"y": torch.zeros(3, 4)}, "a value for each of its latents"),
        (torch.zeros(3, 7), "not the shape that PPCA draws"),
        (torch.zeros(0, 4), "no rows to decode"),
        (torch.tensor(0.0), "not the same rows"),
        (torch.tensor([[0.0] * 4, [0.0, torch.nan, torch.inf, 0.0]]), "2 of 8 values of z are not finite"),
        ("z", "no numbers"),
        (None, "no numbers"),
    ],
)
def test_what_is_no_code_is_named(latents: Any, message: str) -> None:
    torch.manual_seed(0)
    found = fit(PPCA(), None, marginal(PPCA()).sample((40,)).float())
    with pytest.raises(PpgenError, match=message):
        found.decode(latents)
