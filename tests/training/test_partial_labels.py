"""One declaration, some labels: from the front door to every answer."""

from __future__ import annotations

import math
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import PpgenError
from ppgen.fitted import Fit
from ppgen.guides import MeanField
from ppgen.inference.importance import elbo_per_datum

CLASSES, X_DIM = 3, 8


class Partial(Model):
    """y ~ Categorical(1/3);  z ~ Normal(0, I);  x | y, z ~ Bernoulli(decoder(y, z))."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Linear(CLASSES + 2, X_DIM)

    @latent
    def y(self) -> Any:
        return dist.Categorical(logits=torch.zeros(CLASSES))

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @observed
    def x(self, y: Tensor, z: Tensor) -> Any:
        logits = self.decoder(ppgen.nets.join(ppgen.nets.one_hot(y, CLASSES), z))
        return dist.Bernoulli(logits=logits).to_event(1)


class Labelled(Partial):
    """The same with y observed."""

    @observed
    def y(self) -> Any:
        return dist.Categorical(logits=torch.zeros(CLASSES))


class Point(Guide):
    """z at a point that x and y give, y observed or drawn before: a guide without noise, so that fits are equal."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(X_DIM + CLASSES, 2)

    @latent
    def z(self, x: Tensor, y: Tensor) -> Any:
        return dist.Delta(self.net(ppgen.nets.join(x, ppgen.nets.one_hot(y, CLASSES))), event_dim=1)


class PointBoth(Point):
    """The same beside a q(y | x)."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(X_DIM, CLASSES)

    @latent
    def y(self, x: Tensor) -> Any:
        return dist.Categorical(logits=self.classifier(x))


def columns(num: int = 120) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(num) % CLASSES
    prototypes = torch.rand(CLASSES, X_DIM, generator=generator).round()
    x = (prototypes[y] - (torch.rand(num, X_DIM, generator=generator) < 0.05).float()).abs()
    return {"x": x, "y": y}


def partly(stored: dict[str, Tensor], every: int = 4) -> dict[str, Tensor]:
    y = torch.where(torch.arange(len(stored["y"])) // CLASSES % every == 0, stored["y"], -1)
    return {**stored, "y": y}


def splits() -> dict[str, dict[str, Tensor]]:
    whole = columns()
    cut = {"train": slice(0, 90), "valid": slice(90, 105), "test": slice(105, 120)}
    return {name: {key: value[rows] for key, value in whole.items()} for name, rows in cut.items()}


def few_labels() -> Any:
    given = splits()
    return ppgen.data.from_tensors({**given, "train": partly(given["train"])})


SHORT: dict[str, Any] = {"max_epochs": 2, "batch_size": 32, "progress": False, "device": "cpu"}


@pytest.fixture(scope="module")
def partial_fit() -> Fit:
    torch.manual_seed(0)
    model = Partial()
    return ppgen.fit(
        model, few_labels(), guide=MeanField(model, width=16), **{**SHORT, "max_epochs": 30}, learning_rate=0.02
    )


def pairs() -> list[tuple[Model, Guide]]:
    """The model with y latent and with y observed, with the same weights wherever both have them."""
    model, told, both, reads = Partial(), Labelled(), PointBoth(), Point()
    told.load_state_dict(model.state_dict())
    reads.load_state_dict({key: value for key, value in both.state_dict().items() if "classifier" not in key})
    return [(model, both), (told, reads)]


def test_with_all_labels_a_fit_is_that_of_the_model_that_observes_them() -> None:
    data = ppgen.data.from_tensors(splits())
    joint, told = (ppgen.fit(model, data, guide=guide, **SHORT, learning_rate=0.01) for model, guide in pairs())
    for mine, other in zip(joint.history, told.history, strict=True):
        for split in ("train", "valid"):
            assert mine[split]["log_joint"] == pytest.approx(other[split]["log_joint"], abs=1e-4)
    weights = told.model.state_dict() | told.guide.state_dict()
    fitted = joint.model.state_dict() | joint.guide.state_dict()
    for name, value in weights.items():
        torch.testing.assert_close(fitted[name], value)
    test = data.split("test")
    torch.testing.assert_close(joint.reconstruct(test).only, told.reconstruct(test)["x"])


def test_the_bound_of_each_datum_is_the_enumerated_sum() -> None:
    model, guide, batch = Partial(), PointBoth(), partly(columns(12), every=2)
    assert 0 < int((batch["y"] == -1).sum()) < 12
    ppgen.check(model, guide, batch)
    found = elbo_per_datum(model, guide, batch)
    log_q = guide.classifier(batch["x"]).log_softmax(-1)
    joint = torch.empty(12, CLASSES)
    for value in range(CLASSES):
        y = torch.full((12,), value)
        z = guide.z(batch["x"], y).v
        prior = dist.Normal(0.0, 1.0).log_prob(z).sum(-1) - math.log(CLASSES)
        joint[:, value] = prior + model.x(y, z).log_prob(batch["x"])
    missing = (log_q.exp() * (joint - log_q)).sum(1)
    known = joint[torch.arange(12), batch["y"].clamp(min=0)]
    torch.testing.assert_close(found, torch.where(batch["y"] == -1, missing, known))


def test_a_fit_with_few_labels_names_the_classes(partial_fit: Fit) -> None:
    test = partial_fit.data.split("test")
    q = partial_fit.encode({"x": test["x"]})["y"]
    assert q.shape == (15, CLASSES)
    torch.testing.assert_close(q.sum(1), torch.ones(15))
    assert (q.argmax(1) == test["y"]).float().mean() > 0.8


def test_the_test_splits_labels_are_held_back_unless_they_are_given(partial_fit: Fit) -> None:
    test = partial_fit.data.split("test")
    without = {"x": test["x"]}
    assert torch.equal(partial_fit.encode()["y"], partial_fit.encode(without)["y"])
    assert torch.equal(
        partial_fit.log_prob_per_datum(num_particles=5), partial_fit.log_prob_per_datum(without, num_particles=5)
    )
    told = partial_fit.encode(test)["y"]
    assert torch.equal(told, nn.functional.one_hot(test["y"], CLASSES).float())
    # p(x) is the sum of p(x, y) over labels.
    each = [partial_fit.log_prob_per_datum({**without, "y": torch.full((15,), y)}, 1000) for y in range(CLASSES)]
    whole = partial_fit.log_prob_per_datum(without, 1000)
    torch.testing.assert_close(torch.stack(each).logsumexp(0), whole, atol=0.1, rtol=0)


def test_every_answer_takes_missing_labels(partial_fit: Fit) -> None:
    batch = partly(partial_fit.data.split("test"), every=2)
    missing = batch["y"] == -1
    assert 0 < int(missing.sum()) < 15
    codes = partial_fit.encode(batch)
    assert (codes["y"][~missing].max(1).values == 1.0).all()
    mixed = partial_fit.log_prob_per_datum(batch, 1000)
    assert partial_fit.elbo(batch, num_particles=20).value <= mixed.mean().item() + 0.05
    free = partial_fit.log_prob_per_datum({"x": batch["x"]}, 1000)
    told = partial_fit.log_prob_per_datum(partial_fit.data.split("test"), 1000)
    torch.testing.assert_close(mixed, torch.where(missing, free, told), atol=0.15, rtol=0)
    assert partial_fit.reconstruct(batch).only.shape == (15, X_DIM)
    draws = torch.as_tensor(partial_fit.posterior(batch, num_draws=150).posterior["y"].values)[0]
    assert (draws[:, ~missing] == batch["y"][~missing]).all()
    shares = torch.stack([(draws == y).float().mean(0) for y in range(CLASSES)], 1)
    torch.testing.assert_close(shares, codes["y"], atol=0.2, rtol=0)


def test_reconstructions_are_at_the_most_probable_class(partial_fit: Fit) -> None:
    x = partial_fit.data.split("test")["x"]
    best = partial_fit.encode({"x": x})["y"].argmax(1)
    torch.testing.assert_close(
        partial_fit.reconstruct({"x": x}).only, partial_fit.reconstruct({"x": x, "y": best}).only
    )


def test_missing_labels_are_refused_where_nothing_sums_them_out() -> None:
    with pytest.raises(PpgenError, match=r"mark the method y @ppgen\.latent"):
        ppgen.fit(Labelled(), few_labels(), guide=Point(), **SHORT)
    model = Partial()
    with pytest.raises(PpgenError, match=r"objective=ppgen\.ELBO"):
        ppgen.fit(model, few_labels(), guide=MeanField(model, width=8), objective=ppgen.WakeSleep(4), **SHORT)
