"""What a density is of, and how many dimensions it counts: against counts and log-densities made by hand."""

from __future__ import annotations

import math
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.evaluation.factorised_density import factorised_log_prob
from ppgen.explained import counted_dims, name_of_density, num_counted, seen_part
from ppgen.models import MaskedVAE


class Table(ppgen.Model):
    """x | y ~ independent bits, a row of logits for each class."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(10, 1, 8, 8))

    @ppgen.observed
    def x(self, y: Tensor) -> Any:
        return dist.Bernoulli(logits=self.logits[y]).to_event(3)


def table(x: Tensor, y: Tensor) -> None:
    logits = pyro.param("logits", torch.zeros(10, 1, 8, 8))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Bernoulli(logits=logits[y]).to_event(3), obs=x)


def alone(x: Tensor) -> None:
    logit = pyro.param("logit", torch.zeros(1, 8, 8))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Bernoulli(logits=logit).to_event(3), obs=x)


def fitted(model: Any, data: Any = "digits") -> Any:
    return ppgen.fit(model, data, max_epochs=1, progress=False)


def test_a_hand_written_conditional_density_is_never_ranked_with_another() -> None:
    fits = {
        "program": fitted(ppgen.Program(table)),
        "declared": fitted(Table()),
        "marginal": fitted(ppgen.Program(alone)),
    }
    assert {name: fit.density_of for name, fit in fits.items()} == {
        "program": "p(x | y)",
        "declared": "p(x | y)",
        "marginal": "p(x)",
    }
    cards = {name: ppgen.evaluate(fit, ["density"], progress=False) for name, fit in fits.items()}
    by_names = {(pair.first, pair.second): pair for pair in ppgen.compare(cards).pairs}
    assert by_names["program", "declared"].difference == pytest.approx(0.0, abs=1e-4)  # twins
    for other in ("program", "declared"):
        assert by_names[other, "marginal"].difference is None


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_the_unseen_part_alone_is_counted_and_compared_with_its_own_baseline(seen: int) -> None:
    data = ppgen.data.quadrants(ppgen.data.load("digits"), observed=seen)
    fit = fitted(MaskedVAE(x_shape=(1, 8, 8), latent_dim=2, width=8, hidden=(8,)), data)
    card = ppgen.evaluate(fit, ["density"], num_particles=2, progress=False)
    log_prob, bits = card["density"]["log_prob"], card["density"]["bits_per_dim"]
    dims = 64 - 16 * seen
    assert (log_prob.of, log_prob.num_dims, bits.num_dims) == ("p(unseen | seen)", dims, dims)
    assert bits.value == pytest.approx(-log_prob.value / (dims * math.log(2.0)))
    train, test = data.split("train")["x"], data.split("test")
    p = (train.sum(0) + 1) / (len(train) + 2)
    unseen = (1 - test["mask"]) * (test["x"] * p.log() + (1 - test["x"]) * (1 - p).log())
    (trivial,) = card.baselines_of("log_prob").values()
    assert trivial.value == pytest.approx(unseen.flatten(1).sum(1).mean().item(), rel=1e-5)
    assert (trivial.of, trivial.num_dims) == ("p(unseen | seen)", dims)


def test_covariates_that_copy_nothing_are_no_seen_part() -> None:
    x, mask = torch.rand(5, 4), torch.tensor([1.0, 0.0, 1.0, 0.0]).expand(5, 4)
    batch = {"x": x, "given": x * mask, "mask": mask, "other": torch.rand(5, 4)}
    assert seen_part(batch, "x", ["other", "given", "mask"]) == ("given", "mask")
    assert seen_part(batch, "x", ["other", "mask"]) is None  # the mask alone tells nothing of x
    assert seen_part(batch | {"mask": 1 - mask}, "x", ["given", "mask"]) is None
    assert seen_part(batch | {"mask": torch.ones(5, 4)}, "x", ["given", "mask"]) is None
    assert seen_part(batch, "w", ["given", "mask"]) is None
    assert name_of_density(["w", "x"], ["mask"], "x", None) == "p(w, x | mask)"


def test_padding_behind_the_end_of_a_sequence_is_not_counted() -> None:
    x = torch.rand(2, 3, 2)
    batch = {"x": x, "x_lengths": torch.tensor([1, 3])}
    counted = counted_dims(batch, "x", ["x_lengths"])
    assert counted.flatten(1).sum(1).tolist() == [2, 6]
    assert counted_dims(batch, "x", []).all()  # a model that is not told explains the zeros too
    values = torch.randn(7, 3, 2)
    whole = factorised_log_prob(values, x, "continuous")
    first = factorised_log_prob(values[:, :1], x[:, :1], "continuous")
    part = factorised_log_prob(values, x, "continuous", counted)
    assert part[1] == pytest.approx(whole[1].item())
    assert part[0] == pytest.approx(first[0].item(), rel=0.2)  # smoothed by another mean variance


class Incomplete(ppgen.Model):
    """x ~ Normal(0, 1) where it is known."""

    def __init__(self) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.zeros(4))

    @ppgen.observed
    def x(self, known: Tensor) -> Any:
        return dist.Normal(self.loc, 1.0).mask(known.bool()).to_event(1)


def test_a_likelihood_with_a_mask_of_its_own_has_no_one_number_of_dimensions() -> None:
    model, x = Incomplete(), torch.randn(6, 4)
    assert num_counted(model, {"x": x, "known": torch.ones(6, 4)}, "x", ["known"]) == 4
    known = torch.tensor([1.0, 1.0, 1.0, 0.0]).expand(6, 4)
    assert num_counted(model, {"x": x, "known": known}, "x", ["known"]) == 0


def test_a_mask_or_an_end_far_behind_is_seen() -> None:
    """Neither the first rows of a piece nor the first two of a split speak for all."""
    known, x = torch.ones(1500, 4), (torch.rand(1500, 4) < 0.5).float()
    known[1400:, 1:] = 0.0
    assert num_counted(Incomplete(), {"x": x, "known": known}, "x", ["known"]) == 0
    data = ppgen.data.from_tensors({"train": {"x": x[:60], "known": known[:60]}, "test": {"x": x, "known": known}})
    fit = fitted(Incomplete(), data)
    card = ppgen.evaluate(fit, ["density"], progress=False)
    assert fit.log_prob().num_dims == card["density"]["log_prob"].num_dims == 0
    assert card.baselines_of("log_prob") == {}
    assert "bits_per_dim" not in card["density"]


def test_a_single_number_has_one_dimension() -> None:
    class Number(ppgen.Model):
        def __init__(self) -> None:
            super().__init__()
            self.loc = nn.Parameter(torch.zeros(()))

        @ppgen.latent
        def z(self) -> Any:
            return dist.Normal(0.0, 1.0)

        @ppgen.observed
        def x(self, z: Tensor) -> Any:
            return dist.Normal(self.loc + z, 1.0)

    torch.manual_seed(0)
    x = torch.randn(200)
    card = ppgen.evaluate(fitted(Number(), {"x": x, "y": (x > 0).long()}), num_particles=5, progress=False)
    assert card.refusals == {}
    assert card["density"]["log_prob"].num_dims == 1


class Classes(ppgen.Model):
    """y | x ~ logistic regression."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Linear(2, 3)

    @ppgen.observed
    def y(self, x: Tensor) -> Any:
        return dist.Categorical(logits=self.logits(x))


def classes(x: Tensor, y: Tensor) -> None:
    logits = pyro.param("logits", torch.zeros(2, 3))
    with pyro.plate("data", len(x)):
        pyro.sample("y", dist.Categorical(logits=x @ logits), obs=y)


def hits(x: Tensor, won: Tensor) -> None:
    slope = pyro.param("slope", torch.zeros(2))
    with pyro.plate("data", len(x)):
        pyro.sample("obs", dist.Bernoulli(logits=x @ slope), obs=won)


def signs(x: Tensor) -> None:
    logit = pyro.param("logit", torch.zeros(()))
    with pyro.plate("data", len(x)):
        pyro.sample("positive", dist.Bernoulli(logits=logit), obs=(x[:, 0] > 0).float())


@pytest.mark.parametrize(
    ("model", "target", "measure", "what"),
    [
        (Classes(), {"y": torch.arange(60) % 3}, "integer", "log p(y | x)"),
        (ppgen.Program(classes), {"y": torch.arange(60) % 3}, "integer", "log p(y | x)"),
        (ppgen.Program(hits), {"won": torch.arange(60.0) % 2}, "binary", "log p(obs | x)"),
        (ppgen.Program(signs), {}, "integer", "log p(positive)"),
    ],
)
def test_a_probability_of_classes_given_numbers_is_called_no_continuous_density(
    model: Any, target: dict[str, Tensor], measure: str, what: str
) -> None:
    torch.manual_seed(0)
    density = fitted(model, {"x": torch.randn(60, 2), **target}).log_prob()
    assert (density.kind, density.measure, density.estimator) == ("exact", measure, what)
    assert density.value <= 0
