"""Bayes' rule on densities whose posterior over classes is known in closed form."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.data import Dataset, from_tensors
from ppgen.errors import SettingError, Unanswerable
from ppgen.evaluation import probe_accuracy
from ppgen.fitted import Fit

CENTRES = torch.tensor([[0.0, 0.0], [1.5, 0.0], [0.0, 2.0]])
LOADING = torch.tensor([[1.0], [0.5]])
NOISE = 0.7
SHARES = torch.tensor([0.5, 0.3, 0.2])


class Told(ppgen.Model):
    """x | y ~ Normal(centre of y, 1), y a covariate."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(2))

    @ppgen.observed
    def x(self, y: Tensor) -> Any:
        return dist.Normal(CENTRES.to(self.shift)[y] + 0.0 * self.shift, 1.0).to_event(1)


class ToldLinear(ppgen.Model):
    """z ~ Normal(0, 1);  x | z, y ~ Normal(centre of y + W z, s^2)."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(2))

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand_by([1]).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor, y: Tensor) -> Any:
        return dist.Normal(CENTRES.to(z)[y] + z @ LOADING.to(z).T + 0.0 * self.shift, NOISE).to_event(1)


class ExactCode(ppgen.Guide):
    """p(z | x, y) of ToldLinear."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1))

    @ppgen.latent
    def z(self, x: Tensor, y: Tensor) -> Any:
        weight = LOADING.to(x)
        precision = 1.0 + weight.square().sum() / NOISE**2
        loc = (x - CENTRES.to(x)[y]) @ weight / NOISE**2 / precision
        return dist.Normal(loc + 0.0 * self.shift, precision.rsqrt().expand_as(loc)).to_event(1)


class Mixed(Told):
    """y ~ Categorical(shares), latent;  x | y as Told."""

    @ppgen.latent
    def y(self) -> Any:
        return dist.Categorical(SHARES.to(self.shift))


class Labelling(ppgen.Model):
    """y | x ~ Categorical by a softmax: the class is what the model explains."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1))

    @ppgen.observed
    def y(self, x: Tensor) -> Any:
        return dist.Categorical(logits=x @ CENTRES.to(x).T + 0.0 * self.shift)


def known(counts: tuple[int, ...] = (60, 30, 10)) -> Dataset:
    y = torch.arange(3).repeat_interleave(torch.tensor(counts))
    noise = torch.randn(3, len(y), 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    splits = ("train", "valid", "test")
    return from_tensors(
        {split: {"x": CENTRES.double()[y] + noise[place], "y": y} for place, split in enumerate(splits)}
    )


def fitted(model: Any, **guide: Any) -> Fit:
    return ppgen.fit(model.double(), known(), **guide, max_epochs=1, learning_rate=1e-12, progress=False)


def exact(x: Tensor, prior: Tensor, covariance: Tensor) -> Tensor:
    likelihood = dist.MultivariateNormal(CENTRES.double(), covariance.double()).log_prob(x.unsqueeze(1))
    return (likelihood + prior.double().log()).softmax(1)


@pytest.mark.parametrize("prior", [None, (1.0, 2.0, 5.0)])
def test_two_gaussians(float64: None, prior: tuple[float, ...] | None) -> None:
    fit = fitted(Told())
    found = fit.classify(prior=prior)
    shares = torch.tensor(prior or (0.6, 0.3, 0.1))
    assert torch.allclose(found.probabilities, exact(known().split("test")["x"], shares / shares.sum(), torch.eye(2)))
    assert (found.density, found.site) == ("exact", "y")
    assert found.prior == ("as given" if prior else "shares of training labels")
    assert torch.equal(found.classes, found.log_joint.argmax(1))
    assert "among 3 classes by Bayes' rule (log-density: exact" in str(found)


def test_a_bound_by_the_exact_posterior_is_exact(float64: None) -> None:
    fit = fitted(ToldLinear(), guide=ExactCode())
    covariance = LOADING @ LOADING.T + NOISE**2 * torch.eye(2)
    found = fit.classify({"x": known().split("test")["x"][:7]}, num_particles=3)
    expected = exact(known().split("test")["x"][:7], torch.tensor([0.6, 0.3, 0.1]), covariance)
    assert torch.allclose(found.probabilities, expected, atol=1e-6)
    assert found.density == "lower bound, IWAE-3"


def test_a_class_of_the_model_has_its_own_prior(float64: None) -> None:
    fit = fitted(Mixed())
    found = fit.classify()
    assert torch.allclose(found.probabilities, exact(known().split("test")["x"], SHARES, torch.eye(2)), atol=1e-6)
    with pytest.raises(SettingError, match="prior of its own"):
        fit.classify(prior=[1.0, 1.0, 1.0])


def test_a_class_that_is_explained_has_the_density_itself(float64: None) -> None:
    x = known().split("test")["x"][:5]
    assert torch.allclose(fitted(Labelling()).classify(x).probabilities, (x @ CENTRES.double().T).softmax(1))


@pytest.mark.parametrize("prior", [(1.0, 1.0), (1.0, -1.0, 1.0), (0.0, 0.0, 0.0)])
def test_a_prior_is_a_distribution_over_the_classes(float64: None, prior: tuple[float, ...]) -> None:
    with pytest.raises(SettingError, match="no distribution over the classes"):
        fitted(Told()).classify(prior=prior)


def test_what_is_told_no_class_chooses_none(vae_fit: Fit) -> None:
    with pytest.raises(Unanswerable, match="is told no class"):
        vae_fit.classify()


def test_of_several_classes_one_is_named(float64: None) -> None:
    class Both(Told):
        @ppgen.observed
        def x(self, y: Tensor, size: Tensor) -> Any:  # type: ignore[override]
            return dist.Normal(CENTRES.to(self.shift)[y] + size.unsqueeze(-1) + 0.0 * self.shift, 1.0).to_event(1)

    rows = known().split("test")
    data = from_tensors(rows | {"size": torch.arange(100) % 2}, valid=0.1, test=0.1)
    fit = ppgen.fit(Both().double(), data, max_epochs=1, progress=False)
    with pytest.raises(SettingError, match="several classes"):
        fit.classify()
    with pytest.raises(SettingError, match="'shape' is no class"):
        fit.classify(site="shape")
    assert fit.classify(site="size").probabilities.shape == (len(data.split("test")["x"]), 2)


def test_the_accuracy_is_that_of_bayes_rule_beside_a_regression(float64: None) -> None:
    fit, rows = fitted(Told()), known().split("test")
    train = known().split("train")
    card = ppgen.evaluate(fit, ["bayes_accuracy"], progress=False)
    found = card.estimate("bayes_accuracy")
    chosen = exact(rows["x"], torch.tensor([0.6, 0.3, 0.1]), torch.eye(2)).argmax(1)
    assert found is not None
    assert found.value == pytest.approx(float((chosen == rows["y"]).double().mean()))
    assert (found.num_data, "exact" in found.estimator) == (100, True)
    (beside,) = card.baselines_of("bayes_accuracy").values()
    arrays = (split[name].numpy() for split in (train, rows) for name in ("x", "y"))
    assert beside.value == pytest.approx(probe_accuracy(*arrays).value)
