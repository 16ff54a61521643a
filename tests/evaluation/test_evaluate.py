from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch

import ppgen
from ppgen.errors import DeclarationError, SettingError
from ppgen.evaluation import METRICS, Comparison, Scorecard, compare, evaluate

QUESTIONS = ("density", "sampling", "representation")


def of_a_fake(question: str) -> bool:
    """A fake has nothing that draws its latents, and so no answer to the question of calibration."""
    return question != "calibration"


def test_all_questions(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit(kind="lower bound")
    card = evaluate(fit, num_particles=3, progress=False)
    for metric in (metric for metric in METRICS if of_a_fake(metric.question)):
        assert metric.key in card[metric.question] or metric.key == "elbo_of_training_data"  # without a global latent
    assert not any(of_a_fake(question) for question, _ in card.refusals)
    assert str(card.data) == "digits, test split, 360 data points"
    assert card.fingerprint == fit.data.fingerprint("test")
    assert card.per_datum is not None
    assert card.per_datum.shape == (360,)
    assert card.facts["model"] == "FakeModel"
    assert card.facts["guide"] == "FakeGuide"
    assert card.facts["objective"] == "FakeObjective(beta=1)"
    assert (card.facts["num_parameters"], card.facts["epochs"], card.facts["seed"]) == (64, 2, 3)


def test_the_same_seed_gives_the_same_card(fake_fit: Callable[..., Any]) -> None:
    first, second = (evaluate(fake_fit(), seed=5, progress=False) for _ in range(2))
    told = [card.to_dict() for card in (first, second)]
    assert all(each["facts"].pop("seconds_of_100_samples") > 0.0 for each in told)  # a measured time, as of training
    assert told[0] == told[1]
    np.testing.assert_array_equal(first.per_datum, second.per_datum)


def test_each_question_is_refused_with_its_reason(fake_fit: Callable[..., Any]) -> None:
    reasons = {question: f"no {question}, for a reason" for question in QUESTIONS}
    card = evaluate(fake_fit(refused=reasons), progress=False)
    reasons |= {"calibration": "simulation_based_calibration: nothing draws the latents of a fake"}
    assert card.refusals == {(metric.question, metric.key): reasons[metric.question] for metric in METRICS}
    assert {question: card.reason(question) for question in reasons} == reasons
    assert not any(card[question] for question in QUESTIONS)
    assert not any(answer.baselines for answer in card.answers)


def test_a_reason_that_shows_on_the_way_is_no_crash(
    fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fake_fit()

    def refuse(n: int, **settings: Any) -> None:
        raise DeclarationError("model: argument 'x' is not in the data", fix="rename the argument")

    monkeypatch.setattr(fit, "sample", refuse)
    card = evaluate(fit, progress=False)
    assert {question for question, _ in card.refusals if of_a_fake(question)} == {"sampling"}
    assert card.reason("sampling") == "model: argument 'x' is not in the data; fix: rename the argument"
    assert card["density"]
    assert card["representation"]


def test_a_fault_of_ours_is_not_hidden(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fake_fit()
    monkeypatch.setattr(fit, "sample", lambda n, site, seed: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate(fit, progress=False)


def test_a_metric_of_ones_own_reaches_card_file_and_table(fake_fit: Callable[..., Any], tmp_path: Path) -> None:
    @ppgen.metric(question="sampling", title="ink of a sample", unit="pixels", better="lower")
    def ink(fit: Any) -> torch.Tensor:
        return fit.sample(100, site="x").sum((1, 2, 3))

    def weights(fit: Any) -> int:
        return fit.num_parameters

    def width(fit: Any) -> float:
        raise ppgen.Unanswerable("there is no width")

    fit = fake_fit()
    card = evaluate(fit, [ink, "log_prob", weights, width], progress=False)
    drawn = fit.sample(100, site="x").sum((1, 2, 3)).double()
    assert card["sampling"]["ink"].value == pytest.approx(drawn.mean().item())
    assert card["sampling"]["ink"].standard_error == pytest.approx(drawn.std().item() / 10)
    assert card["own"] == {"weights": ppgen.Estimate(64, kind="biased", per="", estimator="weights")}
    assert card.refusals == {("own", "width"): "there is no width"}
    assert card.questions == ("density", "sampling", "own")
    assert card.per_datum is not None

    card.save(tmp_path)
    comparison = compare({"loaded": tmp_path, "whole": evaluate(fake_fit(), progress=False)})
    number = f"{drawn.mean():.2f} ± {drawn.std() / 10:.2f}"
    text, markdown, latex = comparison.to_text(), comparison.to_markdown(), comparison.to_latex()
    assert "ink of a sample ↓" in text
    assert re.search(rf"^loaded .*{number}$", text, flags=re.MULTILINE)
    assert "ink of a sample [pixels] ↓" in markdown.replace("\\", "")
    assert number in markdown
    assert "ink of a sample {[}pixels{]} $\\downarrow$" in latex
    assert number.replace("±", "\\pm") in latex
    assert "Own: digits" in text
    assert "loaded,,sampling,ink," in comparison.to_csv()
    assert comparison.frame().loc["loaded", ("ink", "value")] == card["sampling"]["ink"].value


def test_what_a_metric_returns_wrongly_is_the_authors_error(fake_fit: Callable[..., Any]) -> None:
    def ink(fit: Any) -> None:
        fit.sample(3)

    with pytest.raises(SettingError, match="metric ink: no number came back"):
        evaluate(fake_fit(), [ink], progress=False)


def test_a_bar_shows_the_metrics(fake_fit: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(fake_fit(refused=dict.fromkeys(QUESTIONS, "no")), progress=True)
    assert "log_prob" in capsys.readouterr().err
    evaluate(fake_fit(refused=dict.fromkeys(QUESTIONS, "no")), progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ("runs/vae", 'ppgen.evaluate(ppgen.load("runs/vae"))'),
        (Path("runs/vae"), 'ppgen.evaluate(ppgen.load("runs/vae"))'),
        (torch.nn.Linear(2, 2), 'ppgen.evaluate(ppgen.load("runs/x"))'),
        (None, 'ppgen.evaluate(ppgen.load("runs/x"))'),
    ],
)
def test_what_is_no_fit_is_told_how_to_become_one(given: Any, fix: str) -> None:
    with pytest.raises(SettingError, match="is no fit") as caught:
        evaluate(given)
    assert caught.value.fix == fix


def test_a_metric_that_meddles_leaves_the_fit_as_it_was() -> None:
    torch.manual_seed(0)
    fit = ppgen.fit(ppgen.models.VAE((4,), 2, hidden=(4,)), torch.ones(20, 4), max_epochs=1, progress=False)
    before = {name: value.clone() for name, value in fit.model.state_dict().items()}

    def meddle(fit: Any) -> float:
        fit.model.train()
        for parameter in fit.model.parameters():
            parameter.data.add_(1.0)
        np.random.seed(5)
        random.seed(5)
        torch.manual_seed(5)
        return 1.0

    states = np.random.get_state()[1].copy(), random.getstate(), torch.get_rng_state()
    first, second = (evaluate(fit, ["elbo", *metrics, "log_prob"], progress=False, num_particles=2)
                     for metrics in ([], [meddle]))  # fmt: skip
    assert (first.estimate("elbo"), first.log_prob) == (second.estimate("elbo"), second.log_prob)
    assert all(torch.equal(value, before[name]) for name, value in fit.model.state_dict().items())
    assert not any(part.training for part in fit.model.modules())
    assert np.array_equal(np.random.get_state()[1], states[0])
    assert random.getstate() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])


@pytest.mark.parametrize("setting", [{"num_particles": 0}, {"num_samples": -1}])
def test_settings_out_of_range(fake_fit: Callable[..., Any], setting: dict[str, int]) -> None:
    with pytest.raises(SettingError, match=f"{next(iter(setting))} is out of range"):
        evaluate(fake_fit(), **setting)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Real fits of real digits, small and short."""
    torch.set_num_threads(1)
    shape = (1, 8, 8)
    vae = ppgen.models.VAE(shape, latent_dim=4)
    conditional = ppgen.models.ConditionalVAE(shape, latent_dim=4)
    autoencoder = ppgen.models.Autoencoder(shape, latent_dim=4)
    fits = {
        "vae": ppgen.fit(vae, "digits", guide=ppgen.guides.MeanField(vae), max_epochs=2, progress=False),
        "cvae": ppgen.fit(conditional, "digits", max_epochs=1, progress=False),
        "autoencoder": ppgen.fit(
            autoencoder,
            "digits",
            guide=ppgen.guides.Delta(autoencoder),
            objective=ppgen.ELBO(beta=0.0),
            max_epochs=1,
            progress=False,
        ),
        "pixelcnn": ppgen.fit(ppgen.models.GatedPixelCNN(shape), "digits", max_epochs=1, progress=False),
        "gan": ppgen.fit(ppgen.models.GAN(shape), "digits", max_epochs=1, progress=False),
    }
    return compare(
        {name: evaluate(fit, num_particles=20, num_samples=60, progress=False) for name, fit in fits.items()}
    )


def test_each_family_answers_what_it_can(comparison: Comparison) -> None:
    asked = (*QUESTIONS, "calibration")
    answered = {name: [question for question in asked if card[question]] for name, card in comparison.cards.items()}
    assert answered == {
        "vae": ["density", "sampling", "representation", "calibration"],
        "cvae": ["density", "sampling", "representation", "calibration"],
        "autoencoder": ["sampling", "representation"],
        "pixelcnn": ["density", "sampling"],
        "gan": ["sampling"],
    }
    for name, card in comparison.cards.items():
        for question in set(asked) - set(answered[name]):
            assert len(card.reason(question)) > 20


def test_numbers_say_what_they_are(comparison: Comparison) -> None:
    vae, pixelcnn = comparison.cards["vae"], comparison.cards["pixelcnn"]
    assert vae["density"]["log_prob"].kind == "lower bound"
    assert vae["density"]["log_prob"].estimator == "IWAE-20"
    assert vae["density"]["elbo"].value < vae["density"]["log_prob"].value
    assert pixelcnn["density"]["log_prob"].kind == "exact"
    assert "elbo" not in pixelcnn["density"]
    assert vae.per_datum is not None
    assert vae.per_datum.mean() == pytest.approx(vae["density"]["log_prob"].value)
    assert vae["density"]["bits_per_dim"].value == pytest.approx(-vae.per_datum.mean() / 64 / math.log(2))
    assert {card.facts["feature_network"] for card in comparison.cards.values()} == {vae.facts["feature_network"]}
    assert comparison.cards["cvae"].density_of == "p(x | y)"


def test_only_what_may_be_ranked_is_ranked(comparison: Comparison) -> None:
    taken = {(pair.first, pair.second) for pair in comparison.pairs if pair.difference is not None}
    assert taken == {("vae", "pixelcnn")}
    assert {standing.name for standing in comparison.ranking() if standing.best is not None} == {"vae", "pixelcnn"}
    assert max(len(line) for line in comparison.to_text().splitlines()) <= 120
    assert comparison.frame().shape[0] == 5


def test_a_hand_written_program_answers_what_it_can() -> None:
    def model(x: torch.Tensor) -> None:
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(len(x), 2), 1.0).to_event(1))
            mean = z @ pyro.param("loadings", 0.5 * torch.ones(2, 5))
            pyro.sample("x", dist.Normal(mean, 1.0).to_event(1), obs=x)

    def guide(x: torch.Tensor) -> None:
        weights = pyro.param("weights", 0.1 * torch.ones(5, 2))
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x @ weights, 0.5).to_event(1))

    x = np.random.default_rng(0).normal(size=(300, 5)).astype("float32")
    fit = ppgen.fit(ppgen.Program(model, guide), data=x, max_epochs=1, progress=False)
    card = evaluate(fit, num_particles=5, progress=False)
    assert isinstance(card, Scorecard)
    assert card["density"]["log_prob"].measure == "continuous"
    assert "factorised Gaussian" in card.baselines_of("log_prob")
    assert card.facts["model"] == "model"
    assert card["representation"] or card.reason("representation")
    assert card["sampling"] or card.reason("sampling")
