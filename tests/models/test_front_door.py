"""Every model of the package, with its proper guide, through all that a user would call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen import guides, models, nets
from ppgen.errors import Unanswerable
from ppgen.fitted import Fit

X = (1, 8, 8)
Pair = tuple[Any, Any, Any]


def plain(model: Any, **settings: Any) -> Pair:
    return model, guides.MeanField(model, width=16, **settings), None


def vamp() -> Pair:
    model = models.VampPriorVAE(X, latent_dim=3, num_components=5, hidden=(16, 16))
    return model, guides.NetworkGuide(model.posterior), None


def vamp_hierarchy() -> Pair:
    model = models.VampPriorHierarchicalVAE(X, (4, 3), num_components=5, hidden=(16, 16))
    bottom = nets.Gaussian(nets.GatedMLP([X, (3,)], (16,)), 16, 4)
    return model, guides.TwoLevelNetworkGuide(model.posterior, bottom), None


def mixture() -> Pair:
    model = models.MixtureVAE(X, num_clusters=3, latent_dim=3, hidden=(16,))
    return model, guides.Clustered(model, nets.Gaussian(nets.encoder(X, 16), 16, 3)), None


def markov() -> Pair:
    model = models.DeepMarkovModel((8, 8), latent_dim=3, hidden=16)
    return model, guides.NetworkGuide(nets.Smoother(8, 3, 16)), None


def autoencoder() -> Pair:
    model = models.Autoencoder(X, 3, (16,))
    return model, guides.Delta(model, width=16), ppgen.ELBO(0.0)


def ladder() -> Pair:
    model = models.LadderVAE(X, (4, 3, 2), width=16, hidden=(16,))
    return model, guides.Structured(model, order="model", width=16), None


def hierarchical() -> Pair:
    model = models.HierarchicalVAE(X, (4, 3), width=16, hidden=(16,))
    return model, guides.Structured(model, width=16), None


def flow_prior() -> Pair:
    model = models.FlowPriorVAE(X, 3, num_transforms=2, width=16, hidden=(16,))
    return model, guides.Flow(model, transforms=1, context=8, width=16), None


CASES: dict[str, tuple[Callable[[], Pair], str, list[Any]]] = {
    "Autoencoder": (autoencoder, "images", []),
    "BayesianLogisticRegression": (lambda: plain(models.BayesianLogisticRegression(64, 10)), "vectors", []),
    "ConditionalVAE": (lambda: plain(models.ConditionalVAE(X, 10, 3, (16,))), "images", []),
    "DeepMarkovModel": (markov, "rows", []),
    "DiscreteVAE": (lambda: plain(models.DiscreteVAE(X, 3, 4, (16,))), "images", []),
    "FactorAnalysis": (lambda: plain(models.FactorAnalysis(64, 2)), "vectors", []),
    "FlowPriorVAE": (flow_prior, "images", []),
    "GAN": (lambda: (models.GAN(X, 4, (16,)), None, None), "images", []),
    "HierarchicalVAE": (hierarchical, "images", []),
    "LadderVAE": (ladder, "images", []),
    "MaskedVAE": (lambda: plain(models.MaskedVAE(X, 3, 16, (16,))), "images", [["quadrants", {"observed": 1}]]),
    "MixtureVAE": (mixture, "images", []),
    "PixelCNN": (lambda: (models.PixelCNN(X, 8, 1), None, None), "images", []),
    "PixelVAE": (lambda: plain(models.PixelVAE(X, 3, 1, 8, 3, 16)), "images", []),
    "SemiSupervisedVAE": (
        lambda: plain(models.SemiSupervisedVAE(X, 10, 3, (16,))), "images", [["partial_labels", {"per_class": 2}]]),
    "VAE": (lambda: plain(models.VAE(X, 3, (16,))), "images", []),
    "VampPriorHierarchicalVAE": (vamp_hierarchy, "images", []),
    "VampPriorVAE": (vamp, "images", []),
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A few digits as images of bits, as grey vectors and as sequences of rows; runs on them can be loaded again."""
    digits = ppgen.data.load("digits", binarize=None).split("train")
    x, y = digits["x"][:240].numpy(), digits["y"][:240].numpy()
    folder = tmp_path_factory.mktemp("digits")
    arrays = {"images": (x > 0.5).astype(np.float32), "vectors": x.reshape(-1, 64), "rows": x[:, 0]}
    for name, values in arrays.items():
        np.savez(folder / f"{name}.npz", x=values, y=y)
    return {name: folder / f"{name}.npz" for name in arrays}


@pytest.fixture(scope="module")
def fits(files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Fit]:
    """The fit of a case, made once."""
    made: dict[str, Fit] = {}

    def get(name: str) -> Fit:
        if name not in made:
            make, kind, steps = CASES[name]
            data = ppgen.data.load(files[kind], steps=steps)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                model, guide, objective = make()
                out = tmp_path_factory.mktemp("runs") / name
                made[name] = ppgen.fit(model, guide, data, objective, out=out, **SETTINGS)
        return made[name]

    return get


SETTINGS: dict[str, Any] = {"max_epochs": 2, "batch_size": 64, "device": "cpu", "progress": False}
every_model = pytest.mark.parametrize("name", CASES)


def rows(fit: Fit, count: int) -> dict[str, Tensor]:
    return {key: value[:count] for key, value in fit.data.split("test").items()}


def covariates(fit: Fit, count: int) -> dict[str, Tensor]:
    parents = {parent for site in fit.model.sites.values() for parent in site.parents}
    return {key: value for key, value in rows(fit, count).items() if key in parents and key not in fit.model.sites}


def named(values: Any) -> dict[str, Tensor]:
    return dict(values) if isinstance(values, Mapping) else {"": values}


def equal(first: Any, second: Any) -> bool:
    one, other = named(first), named(second)
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_no_model_is_left_out() -> None:
    assert set(CASES) == set(models.__all__)


@every_model
def test_a_fit_has_a_history_of_finite_numbers(name: str, fits: Callable[[str], Fit]) -> None:
    history = fits(name).history
    assert len(history) == 2
    for row in history:
        for split in ("train", "valid"):
            flat = np.concatenate([np.ravel(value) for value in row.get(split, {}).values()] or [np.zeros(1)])
            assert np.isfinite(flat).all()
    assert {"x"} <= set(fits(name).data.keys)


@every_model
def test_a_run_is_loaded_with_the_same_answers_bit_for_bit(name: str, fits: Callable[[str], Fit]) -> None:
    fit = fits(name)
    again = ppgen.load(fit.folder)
    few = rows(fit, 5)
    assert equal(again.sample(5, **covariates(fit, 5)), fit.sample(5, **covariates(fit, 5)))
    if fit.unanswerable("density") is None:
        assert again.elbo(few).value == fit.elbo(few).value
        if all(site.local for site in fit.model.sites.values()):
            assert torch.equal(again.log_prob_per_datum(few, 7), fit.log_prob_per_datum(few, 7))
    if fit.unanswerable("representation") is None:
        assert equal(again.encode(few), fit.encode(few))
        assert equal(again.reconstruct(few), fit.reconstruct(few))


@every_model
def test_every_question_is_answered_or_refused_with_a_reason(name: str, fits: Callable[[str], Fit]) -> None:
    fit = fits(name)
    few = rows(fit, 5)
    for sample in named(fit.sample(4, **covariates(fit, 4))).values():
        assert len(sample) == 4
        assert sample.isfinite().all()
    assert len(next(iter(named(fit.sample(4, mean=True, **covariates(fit, 4))).values()))) == 4
    if fit.unanswerable("density") is None:
        bound = fit.elbo(few)
        assert np.isfinite(bound.value)
        if all(site.local for site in fit.model.sites.values()):
            assert fit.log_prob_per_datum(few, 20).shape == (5,)
        else:
            with pytest.raises(Unanswerable, match="global"):
                fit.log_prob(few)
    else:
        with pytest.raises(Unanswerable):
            fit.elbo(few)
    local = [key for key, site in fit.model.sites.items() if site.role == "latent" and site.local]
    if fit.guide is not None and local:
        codes = named(fit.encode(few))
        assert len(codes) == len(local)
        assert all(len(code) == 5 and code.isfinite().all() for code in codes.values())
        made = named(fit.reconstruct(few))
        assert all(value.shape == few["x"].shape for value in made.values())
    else:
        for question in (fit.encode, fit.reconstruct):
            with pytest.raises(Unanswerable):
                question(few)
    if fit.guide is not None:
        assert set(fit.posterior(few, 3).posterior.data_vars) == {
            key for key, site in fit.model.sites.items() if site.role == "latent"
        }


@every_model
def test_a_run_is_evaluated(name: str, fits: Callable[[str], Fit]) -> None:
    card = ppgen.evaluate(fits(name), num_particles=3, progress=False)
    for question in ("density", "sampling", "representation"):
        estimates = getattr(card, question)
        assert estimates or card.refusals[question]
        assert all(np.isfinite(estimate.value) for estimate in estimates.values())
    assert str(card).startswith(name)


@pytest.mark.parametrize("name", ["MixtureVAE", "VampPriorVAE", "VampPriorHierarchicalVAE", "DeepMarkovModel"])
def test_a_run_with_shared_networks_is_taken_up(name: str, fits: Callable[[str], Fit], tmp_path: Path) -> None:
    whole = fits(name)
    for epochs in (1, 2):
        torch.manual_seed(0)
        model, guide, objective = CASES[name][0]()
        settings = {**SETTINGS, "max_epochs": epochs}
        twice = ppgen.fit(model, guide, whole.data, objective, out=tmp_path / "run", resume=epochs == 2, **settings)
    few = rows(whole, 5)
    assert torch.equal(twice.log_prob_per_datum(few, 3), whole.log_prob_per_datum(few, 3))
