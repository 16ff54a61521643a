from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

import ppgen
import ppgen.data
from ppgen.by_site import BySite
from ppgen.errors import Unanswerable
from ppgen.evaluation import Evaluation, Scorecard, clouds, compare, evaluate, feature_network, kid


def sampled(fit: Any, num_samples: int | None = None) -> Scorecard:
    return evaluate(fit, ["sampling"], num_samples=num_samples, progress=False)


def test_every_number_stands_beside_its_floor(fake_fit: Callable[..., Any]) -> None:
    card = sampled(fake_fit())
    numbers, floors = card["sampling"], {key: card.baselines_of(key)["real/real"] for key in card["sampling"]}
    assert set(numbers) == {"kid", "precision", "recall", "density", "coverage"}
    assert all(e.num_data == 360 for e in (*numbers.values(), *floors.values()))
    assert len(card.facts["feature_network"]) == 64
    kid, floor = numbers["kid"], floors["kid"]
    assert abs(floor.value) < 3.0 * float(floor.standard_error or 0.0)
    assert kid.value > 5.0 * float(kid.standard_error or 0.0)  # independent pixels are no digits
    assert numbers["coverage"].value < floors["coverage"].value - 0.2


def test_real_data_as_samples_are_as_good_as_the_floor(
    fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fake_fit()
    monkeypatch.setattr(fit, "sample", lambda n, site, seed: fit.data.split("valid")["x"][:n])
    card = sampled(fit)
    for metric, estimate in card["sampling"].items():
        floor = card.baselines_of(metric)["real/real"]
        spread = float(estimate.standard_error or 0.0) + float(floor.standard_error or 0.0)
        assert abs(estimate.value - floor.value) < 2.5 * spread


def test_a_conditional_model_is_judged_by_other_rows_than_it_is_given(
    fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = torch.arange(40)
    columns = {split: {"x": torch.rand(40, 3) + rows[:, None], "y": rows} for split in ("train", "valid", "test")}
    fit = dataclasses.replace(fake_fit(conditional=True), data=ppgen.data.from_tensors(columns))
    asked: list[torch.Tensor] = []

    def copies(n: int, site: str, seed: int, y: torch.Tensor) -> torch.Tensor:
        """A model that repeats the very data point that its covariate is of."""
        asked.append(y)
        return columns["test"]["x"][y]

    monkeypatch.setattr(fit, "sample", copies)
    evaluation = Evaluation(fit, seed=3)
    found = clouds(evaluation)
    (given,) = asked
    assert len(found.real) == len(found.generated) == len(found.training) == len(set(given.tolist())) == 20
    assert torch.cdist(found.real, found.generated).min() > 0  # no data point is compared with its own copy
    assert evaluation.facts["samples_given"] == "y of 20 other test points"


def test_a_card_says_whose_covariates_samples_were_given(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit(conditional=True)
    card = sampled(fit)
    (asked,) = fit.asked  # once for all five metrics
    assert set(asked) == {"y"}
    assert len(asked["y"]) == card["sampling"]["kid"].num_data == 180
    assert "samples given y of 180 other test points" in str(card)
    assert "samples given y of 180 other test points (fake)" in str(compare({"fake": card}))
    assert "samples_given" not in sampled(fake_fit()).facts


def test_fewer_samples_on_request_never_more_than_there_are_data(fake_fit: Callable[..., Any]) -> None:
    assert sampled(fake_fit(), 50)["sampling"]["kid"].num_data == 50
    assert sampled(fake_fit(), 10_000)["sampling"]["kid"].num_data == 360


def test_several_observed_sites(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fake_fit()
    drawn = BySite(y=torch.zeros(100), x=fit.data.split("valid")["x"][:100])
    monkeypatch.setattr(fit, "sample", lambda n, site, seed: drawn.at(site))
    assert sampled(fit, 100)["sampling"]["kid"].num_data == 100


def test_too_few_data_points_are_a_reason(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit()
    few = {split: {"x": fit.data.split(split)["x"][:8]} for split in ("train", "valid", "test")}
    fit = dataclasses.replace(fit, data=ppgen.data.from_tensors(few))
    with pytest.raises(Unanswerable, match="8 real data points are too few"):
        clouds(Evaluation(fit))


@pytest.fixture(scope="module")
def autoencoder() -> Any:
    torch.manual_seed(0)
    data = ppgen.data.load("digits", binarize=None)
    model = ppgen.models.Autoencoder((1, 8, 8), latent_dim=4, hidden=(16,))
    guide = ppgen.guides.Delta(model)
    return ppgen.fit(model, data, guide=guide, objective=ppgen.ELBO(), max_epochs=8, progress=False)


def test_an_autoencoder_is_judged_by_decoded_codes(autoencoder: Any) -> None:
    """Noise of its squared error, of sd 0.71 on pixels in [0, 1], is none that it has learnt."""
    evaluation = Evaluation(autoencoder)
    found, size = clouds(evaluation), 360
    features = feature_network(autoencoder.data).features
    means = autoencoder.sample(size, site="x", mean=True)
    torch.testing.assert_close(found.generated, features(means))
    noisy = kid(found.real, features(autoencoder.sample(size, site="x")))
    card = evaluate(autoencoder, ["sampling"], progress=False)
    assert card["sampling"]["kid"].value < 0.2 * noisy.value
    for metric, estimate in card["sampling"].items():
        assert estimate.estimator.endswith("decoded codes")
        assert set(card.baselines_of(metric)) == {"real/real", "decoded training codes"}
    said = "samples are decoded codes of the prior, without the noise of the likelihood"
    assert said in str(card)
    table = str(compare({"one": card, "two": card}))
    assert f"{said} (one, two)" in table
    assert all(f"{name}, decoded training codes" in table for name in ("one", "two"))


def test_the_aggregate_of_codes_is_decoded_as_it_is(autoencoder: Any) -> None:
    """Each training row that is drawn, encoded and decoded."""
    found = clouds(Evaluation(autoencoder))
    train = autoencoder.data.split("train")["x"]
    features = feature_network(autoencoder.data).features
    rows = torch.cdist(found.training, features(train)).argmin(1)
    made = autoencoder.decode(autoencoder.encode({"x": train[rows]}), site="x")
    torch.testing.assert_close(found.decoded, features(made), rtol=1e-3, atol=1e-3)


def test_a_likelihood_whose_codes_are_no_points_keeps_its_noise(fake_fit: Callable[..., Any]) -> None:
    assert clouds(Evaluation(fake_fit())).decoded is None


def test_points_of_global_latents_alone_leave_the_samples_as_they_are() -> None:
    torch.manual_seed(0)
    model = ppgen.models.BayesianLogisticRegression(3, num_classes=2)
    data = {"x": torch.randn(60, 3), "y": torch.arange(60) % 2}
    fit = ppgen.fit(model, data, guide=ppgen.guides.Delta(model), max_epochs=1, progress=False)
    assert fit.settings["point_guide"]
    assert not fit.has_point_codes
