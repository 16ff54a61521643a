"""What fit takes, chooses, refuses and gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.errors import DataError, DeclarationError, DivergenceError, PpgenError, SettingError
from ppgen.fitted import Fit
from ppgen.guides import FullRank, MeanField
from ppgen.models import GAN, VAE, GatedPixelCNN
from ppgen.training.choices import choose_guide, choose_objective, unwrap
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal
from tests.oracles.state import rows_without_time, same, state_of

Make = Callable[..., Fit]


def bits(rows: int = 60, dim: int = 4) -> Tensor:
    return torch.bernoulli(torch.full((rows, dim), 0.5))


def test_the_same_seed_gives_the_same_weights_bit_for_bit(noisy_fit: Make) -> None:
    first, second, other = noisy_fit(), noisy_fit(), noisy_fit(seed=1)
    assert same(state_of(first), state_of(second))
    assert rows_without_time(first.history) == rows_without_time(second.history)
    assert not same(state_of(first), state_of(other))


def test_the_seed_makes_what_fit_makes_itself() -> None:
    """The guide that fit derives does not depend on what the process drew before."""
    x, fits = bits(), []
    for draws in (0, 17):
        torch.manual_seed(0)
        model = VAE((4,), 2, hidden=(4,))
        torch.manual_seed(draws)
        fits.append(ppgen.fit(model, x, max_epochs=1, progress=False))
    assert same(state_of(fits[0]), state_of(fits[1]))


def test_nothing_global_is_touched() -> None:
    """Neither while it works nor after: the state of the process is checked around every test, the noise here."""
    pyro.param("mine", torch.tensor(3.0))
    x, model = bits(), VAE((4,), 2, hidden=(4,))
    before = torch.get_rng_state()
    fit = ppgen.fit(model, x, max_epochs=2, progress=False)
    fit.log_prob(num_particles=5)
    fit.sample(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert list(pyro.get_param_store().keys()) == ["mine"]
    assert pyro.param("mine").item() == 3.0
    pyro.clear_param_store()


def test_a_second_model_of_the_same_names_learns_too() -> None:
    """In raw Pyro a second model resolves to the parameters of the first, and never moves."""

    def fit() -> float:
        torch.manual_seed(0)
        net = nn.Linear(1, 3)

        def model(x: Tensor) -> None:
            pyro.module("net", net)
            with pyro.plate("data", len(x)):
                loc = net(torch.ones(len(x), 1))
                pyro.sample("x", dist.Normal(loc, 1.0).to_event(1), obs=x)

        x = torch.randn(50, 3) + 5.0
        fitted = ppgen.fit(ppgen.Program(model), data=x, max_epochs=40, learning_rate=0.1, progress=False)
        return fitted.elbo().value

    assert fit() == fit() > -6.0


def test_a_fit_learns() -> None:
    """From a poor start to within a nat of the truth in three seconds; the history shows it."""
    torch.manual_seed(0)
    x = marginal(PPCA()).sample((600,)).float()
    model = PPCA(seed=5, noise=2.0)
    start = log_evidence(model, x).mean()
    fit = ppgen.fit(model, x, guide=FullRank, max_epochs=50, batch_size=60, learning_rate=0.01, progress=False)
    truth = log_evidence(PPCA(), x).mean()
    assert start < truth - 10
    assert log_evidence(model, x).mean() > truth - 1.0
    assert fit.history[-1]["valid"]["elbo"] > fit.history[0]["valid"]["elbo"] + 5


class Exploding(Model):
    """A scale that a large learning rate drives to zero."""

    def __init__(self) -> None:
        super().__init__()
        self.log_s = nn.Parameter(torch.zeros(()))

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(0.0 * z, self.log_s.exp())


def test_a_divergence_loses_nothing(tmp_path: Path) -> None:
    """x is 0 everywhere: the likelihood has no maximum, and the density overflows in the end."""
    x = torch.zeros(40)
    data = {"train": x, "valid": x[:9], "test": x[:8]}
    with pytest.raises(DivergenceError, match=r"(?s)step \d+.*gradient of parameter '") as caught:
        ppgen.fit(Exploding(), data, max_epochs=60, learning_rate=5.0, out=tmp_path / "run", progress=False)
    fit = caught.value.fit
    assert fit.stopped == "diverged"
    assert torch.isfinite(fit.model.log_s)
    assert fit.history
    assert (tmp_path / "run" / "checkpoint" / "latest.json").exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"data": bits() * 0.5}, DataError),
        ({"data": bits(60, 5)}, DataError),
        ({"max_epochs": 0}, SettingError),
        ({"objective": ppgen.MaximumLikelihood()}, SettingError),
        ({"objective": ppgen.Adversarial()}, SettingError),
        ({"device": "cuda:99"}, SettingError),
        ({"guide": FullRank(VAE((5,), 2, hidden=(4,)))}, DeclarationError),
        ({"out": None, "resume": True}, SettingError),
        ({"patience": 2, "data": ppgen.data.from_tensors(bits(), valid=0.0)}, SettingError),
    ],
)
def test_mistakes_are_told_before_anything_is_written(
    arguments: dict[str, Any], error: type[Exception], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = VAE((4,), 2, hidden=(4,))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    chosen = {"data": bits(), "progress": False, "out": tmp_path / "run"} | arguments
    with pytest.raises(error):
        ppgen.fit(model, **chosen)
    assert not (tmp_path / "run").exists()
    assert same(before, model.state_dict())


def test_two_fits_of_one_model_share_its_weights() -> None:
    torch.manual_seed(0)
    model = VAE((4,), 2, hidden=(4,))
    first = ppgen.fit(model, torch.ones(40, 4), max_epochs=1, progress=False)
    before = state_of(first)
    second = ppgen.fit(model, torch.ones(40, 4), guide=first.guide, max_epochs=1, progress=False)
    assert first.model is second.model
    assert not same(before, state_of(first))
    assert same(state_of(first), state_of(second))


@pytest.mark.parametrize("average", [None, 0.5])
def test_what_an_epoch_writes_into_weights_is_undone_where_they_are_averaged(average: float | None) -> None:
    def fitted(written: float) -> Fit:
        class Write(ppgen.Callback):
            def epoch(self, training: Any) -> None:
                with torch.no_grad():
                    next(training.fit.model.parameters()).add_(written)

        torch.manual_seed(0)
        return ppgen.fit(VAE((4,), 2, hidden=(4,)), torch.ones(40, 4), max_epochs=2, progress=False,
                         average=average, callbacks=[Write()])  # fmt: skip

    assert same(state_of(fitted(0.0)), state_of(fitted(1.0))) == (average is not None)


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    def fitted(out: Path | None, whole: Callable[[int], Any], real: Callable[[float], Any]) -> Fit:
        torch.manual_seed(0)
        return ppgen.fit(
            VAE((4,), latent_dim=whole(2), hidden=(whole(4),)), torch.ones(40, 4), max_epochs=whole(2),
            batch_size=whole(16), seed=whole(3), patience=whole(5), clip_norm=real(4.0), average=real(0.5),
            learning_rate={"elbo": real(0.25)}, objective=ppgen.ELBO(beta=real(2.0), num_particles=whole(2)),
            progress=False, out=out,
        )  # fmt: skip

    plain, other = fitted(None, int, float), fitted(tmp_path / "run", np.int64, np.float32)
    again = ppgen.load(tmp_path / "run", data=torch.ones(40, 4))
    assert same(state_of(plain), state_of(other))
    assert plain.settings == other.settings == again.settings
    assert again.objective.beta == 2.0


def test_what_an_objective_cannot_train_is_told_before_anything_is_written(tmp_path: Path) -> None:
    def model(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("x", dist.Normal(pyro.sample("z", dist.Geometric(0.5)), 1.0), obs=x)

    def guide(x: Tensor, size: int) -> None:
        p = pyro.param("p", torch.tensor(0.5), constraint=dist.constraints.unit_interval)
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Geometric(p))

    with pytest.raises(DeclarationError, match="no gradient"):
        ppgen.fit(ppgen.Program(model, guide), data=torch.randn(30), out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_run_folder_holds_a_run(noisy_fit: Make, tmp_path: Path) -> None:
    fit = noisy_fit(max_epochs=1, out=tmp_path / "a" / "run")
    assert fit.folder == tmp_path / "a" / "run"
    names = sorted(path.name for path in (tmp_path / "a" / "run").iterdir())
    assert names == ["checkpoint", "history.jsonl", "model.safetensors", "run.json"]
    with pytest.raises(SettingError, match="already"):
        noisy_fit(max_epochs=1, out=tmp_path / "a" / "run")


# On a GPU -------------------------------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
class TestOnCuda:
    def test_a_fit_and_its_answers(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        model = VAE((1, 8, 8), latent_dim=3, hidden=(16,))
        fit = ppgen.fit(
            model, "digits", guide=MeanField(model), max_epochs=3, device="cuda", out=tmp_path, progress=False
        )
        assert fit.device.type == "cuda"
        assert fit.history[-1]["valid"]["elbo"] > fit.history[0]["valid"]["elbo"]
        assert fit.log_prob(num_particles=20).value > fit.elbo().value
        assert (
            fit.sample(3).only.device
            == fit.encode().only.device
            == fit.reconstruct().only.device
            == torch.device("cpu")
        )
        again = ppgen.load(tmp_path, device="cpu")
        assert again.device.type == "cpu"
        assert again.elbo(num_particles=50).value == pytest.approx(fit.elbo(num_particles=50).value, abs=0.1)

    def test_a_divergence_is_seen_in_time(self) -> None:
        x = torch.zeros(40)
        data = {"train": x, "valid": x[:9], "test": x[:8]}
        with pytest.raises(DivergenceError) as caught:
            ppgen.fit(Exploding(), data, max_epochs=200, learning_rate=5.0, device="cuda", progress=False)
        assert torch.isfinite(caught.value.fit.model.log_s)

    def test_a_global_latent_and_a_full_rank_guide(self) -> None:
        from tests.oracles.conjugate import SharedMean, TwoLevels

        for model in (SharedMean(), TwoLevels()):
            x = model(size=60)["x"].detach()
            fit = ppgen.fit(model, x, guide=FullRank, max_epochs=2, device="cuda", progress=False)
            assert fit.reconstruct().only.shape == (6, x.shape[1])


def test_models_in_all_forms() -> None:
    model, program = VAE((4,)), ppgen.Program(lambda x: None, lambda x: None)
    assert unwrap(model, None) == (model, None)
    assert unwrap(program, None) == (program.model, program.guide)
    with pytest.raises(SettingError, match="own guide"):
        unwrap(program, MeanField(model))
    for wrong in (VAE, torch.nn.Linear(2, 2), "vae", None):
        with pytest.raises(DeclarationError, match="no model"):
            unwrap(wrong, None)


def test_guides_in_all_forms() -> None:
    model = VAE((4,))
    assert type(choose_guide(model, None, None)) is MeanField
    assert type(choose_guide(model, FullRank, None)) is FullRank
    mine = FullRank(model)
    assert choose_guide(model, mine, None) is mine
    assert choose_guide(GatedPixelCNN((1, 4, 4), 2, 1), None, None) is None
    assert choose_guide(GAN((1, 8, 8)), None, None) is None
    with pytest.raises(DeclarationError, match="no guide"):
        choose_guide(model, lambda x: None, None)


def test_objectives_by_what_the_sites_call_for() -> None:
    model = VAE((4,))
    assert choose_objective(model, MeanField(model), None).name == "ELBO()"
    assert choose_objective(GatedPixelCNN((1, 4, 4), 2, 1), None, None).name == "MaximumLikelihood()"
    assert choose_objective(GAN((1, 8, 8)), None, None).name == "Adversarial(nonsaturating)"
    mine = ppgen.ELBO(2.0)
    assert choose_objective(model, None, mine) is mine
    for wrong in ("elbo", ppgen.ELBO, 3):
        with pytest.raises(PpgenError, match="no objective"):
            choose_objective(model, None, wrong)
