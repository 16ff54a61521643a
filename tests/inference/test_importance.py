"""Importance weights and the bounds that they give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.errors import DeclarationError, SettingError, Unanswerable
from ppgen.guides import Delta, FullRank, MeanField
from ppgen.inference import importance
from ppgen.inference.importance import log_weights, only_latent, particle_weights, repeat_rows
from ppgen.models import VAE, ConditionalVAE, DiscreteVAE, GatedPixelCNN
from tests.oracles import gaussian_pair
from tests.oracles.conjugate import BetaBernoulli, GammaPoisson, SharedMean, TwoLevels
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal


@pytest.fixture
def pair() -> tuple[PPCA, MeanField, Tensor]:
    torch.manual_seed(0)
    model = PPCA(latent_dim=2, noise=3.0)
    return model, MeanField(model, width=8), marginal(model).sample((10,)).float()


def test_the_bound_is_the_logsumexp_of_its_weights(
    pair: tuple[PPCA, MeanField, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a datum's particles come in several passes of different size."""
    model, guide, x = pair
    seen: list[Tensor] = []

    def spy(*args: Any) -> Tensor:
        seen.append(particle_weights(*args))
        return seen[-1]

    monkeypatch.setattr(importance, "particle_weights", spy)
    monkeypatch.setattr(importance, "_ROWS_A_PASS", 30)
    found = importance.log_prob(model, guide, {"x": x}, 7, seed=3)
    assert [len(weights) for weights in seen] == [3, 3, 1]
    torch.testing.assert_close(found, torch.cat(seen).double().logsumexp(0) - math.log(7), rtol=0, atol=1e-12)
    assert found.dtype == torch.float64


@pytest.mark.parametrize(("rows_a_pass", "rows"), [(40, 256), (64, 3)])
def test_how_it_is_cut_changes_the_draws_and_not_the_value(
    pair: tuple[PPCA, MeanField, Tensor], monkeypatch: pytest.MonkeyPatch, rows_a_pass: int, rows: int
) -> None:
    """In distribution: a thousand particles in any pieces agree within their Monte-Carlo error, and with log p(x)."""
    model, guide, x = pair
    monkeypatch.setattr(importance, "_ROWS_A_PASS", rows_a_pass)
    monkeypatch.setattr(importance, "_ROWS", rows)
    found = importance.log_prob(model, guide, {"x": x}, 1000, seed=0)
    exact = log_evidence(model, x)
    assert (found - exact).abs().mean() < 0.15
    assert found.mean() < exact.mean() + 0.1


def test_a_pass_never_has_more_rows_than_allowed(
    pair: tuple[PPCA, MeanField, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, guide, _ = pair
    seen: list[int] = []

    def spy(model: Any, guide: Any, batch: Mapping[str, Tensor], num_particles: int, only: Any) -> Tensor:
        seen.append(len(batch["x"]) * num_particles)
        return particle_weights(model, guide, batch, num_particles, only)

    monkeypatch.setattr(importance, "particle_weights", spy)
    x = torch.randn(600, 20)
    for particles in (1, 100, 1000):
        seen.clear()
        importance.log_prob(model, guide, {"x": x}, particles, seed=0)
        assert max(seen) <= importance._ROWS_A_PASS
        assert sum(seen) == 600 * particles
    importance.log_prob(model, guide, {"x": x[:1]}, 10_000, seed=0)
    assert max(seen) <= importance._ROWS_A_PASS


def test_all_weights_are_those_of_the_bound_however_they_are_cut(
    pair: tuple[PPCA, MeanField, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, guide, x = pair
    monkeypatch.setattr(importance, "_ROWS_A_PASS", 30)
    monkeypatch.setattr(importance, "_ROWS", 4)  # ten data in three pieces, seven particles in one pass each
    weights = importance.weights_of_data(model, guide, {"x": x}, 7, seed=3)
    assert (weights.shape, weights.dtype, weights.requires_grad) == ((7, 10), torch.float64, False)
    bound = importance.log_prob(model, guide, {"x": x}, 7, seed=3)
    torch.testing.assert_close(weights.logsumexp(0) - math.log(7), bound, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("float64")
def test_weights_at_the_exact_posterior_are_all_the_evidence() -> None:
    model = gaussian_pair.Linear()
    x = model(size=10)["x"].detach()
    weights = importance.weights_of_data(model, gaussian_pair.exact_guide(model), {"x": x}, 5, seed=0)
    torch.testing.assert_close(weights, gaussian_pair.log_evidence(model, x).detach().expand(5, 10))


def test_without_latents_it_is_exact() -> None:
    model = GatedPixelCNN((1, 2, 2), hidden=3, num_layers=1)
    images = torch.tensor([[float(b) for b in f"{i:04b}"] for i in range(16)]).reshape(16, 1, 2, 2)
    found = importance.log_prob(model, None, {"x": images}, 1, seed=0)
    assert found.exp().sum().item() == pytest.approx(1.0, abs=1e-6)
    assert torch.equal(found, importance.log_prob(model, None, {"x": images}, 1, seed=9))


def test_covariates_go_with_their_rows() -> None:
    """A label that decides everything: each row's density is under its own label, in every piece."""

    class Told(ConditionalVAE):
        """x is almost surely the bit that y says, whatever z."""

        def x(self, z: Tensor, y: Tensor) -> Any:
            sure = (2.0 * y - 1.0).reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4)
            return dist.Bernoulli(logits=20 * sure + 0 * z.sum(1).reshape(-1, 1, 1, 1)).to_event(3)

    model = Told((1, 4, 4), num_classes=2, latent_dim=2)
    y = torch.tensor([0, 1] * 150)
    batch = {"x": y.float().reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4).clone(), "y": y}
    guide = MeanField(model, width=4).setup(batch)
    found = importance.log_prob(model, guide, batch, 50, seed=0)
    assert (found > -1.0).all()


def test_the_elbo_is_the_mean_weight(pair: tuple[PPCA, MeanField, Tensor]) -> None:
    model, guide, x = pair
    found = importance.elbo(model, guide, {"x": x}, 3, seed=1)
    torch.manual_seed(1)
    with torch.no_grad():
        weights = torch.stack([log_weights(model, guide, {"x": x}).double() for _ in range(3)])
    torch.testing.assert_close(found, weights.mean(0), rtol=0, atol=1e-12)
    exact = log_evidence(model, x).mean()
    many = importance.elbo(model, guide, {"x": x}, 300, seed=1).mean()
    assert many < importance.log_prob(model, guide, {"x": x}, 100, seed=1).mean() < exact + 0.05


def test_with_a_global_latent_there_is_one_bound_for_all() -> None:
    model = SharedMean()
    x = model(size=20)["x"].detach()
    found = importance.elbo(model, MeanField(model, width=4), {"x": x}, 5, seed=0)
    assert found.shape == (5,)


@pytest.mark.parametrize("ask", [importance.log_prob, importance.elbo, importance.weights_of_data])
def test_evaluation_leaves_no_trace(pair: tuple[PPCA, MeanField, Tensor], ask: Any) -> None:

    class Dropping(PPCA):
        @observed
        def x(self, z: Tensor) -> Any:
            kept = nn.functional.dropout(z, training=self.training)
            return dist.Normal(kept @ self.weight.T + self.bias, 3.0).to_event(1)

    model, x = Dropping(latent_dim=2), pair[2]
    guide = MeanField(model, encoder=nn.Sequential(nn.Linear(20, 8), nn.Dropout(0.5)))
    expected = ask(model.eval(), guide.eval(), {"x": x}, 5, seed=0)
    model.train()
    guide.train()
    reader = guide.evidence
    assert not torch.equal(reader({"x": x}), reader({"x": x}))  # in training, it does drop out
    before = torch.get_rng_state()
    found = ask(model, guide, {"x": x}, 5, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    assert guide.training
    assert model.training
    assert torch.equal(found, expected)  # nothing dropped out
    assert not found.requires_grad


@pytest.mark.parametrize("particles", [0, 2.0])
def test_a_number_of_particles_that_is_none(particles: Any) -> None:
    model = TwoLevels()
    x = {"x": torch.zeros(2, 5)}
    for ask in (importance.elbo, importance.log_prob, importance.weights_of_data):
        with pytest.raises(SettingError, match="num_particles"):
            ask(model, MeanField(model), x, particles, seed=0)


def test_values_that_are_summed_out_count_as_rows_of_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred letters to a datum: the model never sees more rows at once than it would without them."""
    torch.manual_seed(0)
    model = DiscreteVAE((1, 4, 4), num_letters=10, letter_dim=2, hidden=(8,))
    guide = MeanField(model, width=8)
    x = torch.rand(30, 1, 4, 4).bernoulli()
    exact = importance.log_prob(model, guide, {"x": x}, 1, seed=0)
    seen: list[int] = []
    handle = model.register_forward_pre_hook(
        lambda module, args: seen.append(len(args[0]["x"])) if "x" in args[0] else None
    )
    monkeypatch.setattr(importance, "_ROWS_A_PASS", 700)
    torch.testing.assert_close(importance.log_prob(model, guide, {"x": x}, 1, seed=0), exact, rtol=1e-5, atol=1e-4)
    importance.elbo(model, guide, {"x": x}, 2, seed=0)
    handle.remove()
    assert max(seen) == 700


def test_particles_are_rows_and_particle_k_of_datum_b_is_row_k_b() -> None:
    batch = {"x": torch.arange(6.0).reshape(3, 2), "y": torch.tensor([7, 8, 9])}
    wide = repeat_rows(batch, 4)
    assert torch.equal(wide["x"].reshape(4, 3, 2)[2], batch["x"])
    assert wide["y"].reshape(4, 3)[:, 1].tolist() == [8] * 4


@pytest.mark.parametrize("family", [MeanField, FullRank])
def test_weights_of_a_guide_run_once_are_those_of_a_guide_run_for_every_draw(family: Any) -> None:
    """At the same values; recomputed from the densities that model and guide declare."""
    torch.manual_seed(0)
    model = PPCA(latent_dim=2, noise=3.0)
    guide = family(model, width=8)
    x = marginal(model).sample((10,)).float()
    kept: dict[str, Tensor] = {}
    plain = model.forward

    def spy(batch: Any, size: int) -> Any:
        kept.update(batch)
        return plain(batch, size)

    object.__setattr__(model, "forward", spy)
    weights = _weights(model, guide, {"x": x}, 5)
    object.__delattr__(model, "forward")
    assert kept["z"].shape == (50, 2)
    wide = {"x": kept["x"]}
    joint = log_weights(model, None, wide | {"z": kept["z"]})
    with_guide = _log_q(guide, wide, kept["z"])
    torch.testing.assert_close(weights.flatten(), joint - with_guide, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("model", [GammaPoisson(), BetaBernoulli()])
def test_mean_weight_is_the_evidence(model: Any) -> None:
    """Unbiased: ``E[w] = p(x)`` (Burda et al., 2016, section 3), here for guides that are far from the posterior."""
    torch.manual_seed(0)
    x = model(size=6)["x"].detach()
    guide = MeanField(model, width=8)
    with torch.no_grad():
        weights = _weights(model, guide, {"x": x}, 20_000).double()
    ratio = (weights - model.evidence(x)).exp()
    error = ratio.std(0) / len(ratio) ** 0.5
    assert ((ratio.mean(0) - 1).abs() < 4 * error + 1e-3).all()


def test_the_guide_runs_once_for_one_latent_and_for_every_draw_for_two() -> None:
    """The second latent may depend on a draw of the first."""
    x = torch.randn(4, 20)
    assert _rows_read(PPCA(latent_dim=2), {"x": x}) == 4
    two = TwoLevels()
    assert _rows_read(two, {"x": two(size=4)["x"].detach()}) == 4 * 9


def _rows_read(model: Any, batch: dict[str, Tensor]) -> int:
    """The most rows that the guide's encoder saw."""
    guide = MeanField(model, width=8)
    seen: list[int] = []
    plain = guide.forward

    def spy(batch: Any, size: int) -> Any:
        seen.append(len(batch["x"]))
        return plain(batch, size)

    object.__setattr__(guide, "forward", spy)
    _weights(model, guide, batch, 9)
    return max(seen)


class _MaskedLatent(ppgen.Model):
    """z counts only where ``seen``; x is there in any case."""

    @ppgen.latent
    def z(self, seen: Tensor) -> dist.TorchDistribution:
        return dist.Normal(0.0, 1.0).expand([len(seen)]).mask(seen)

    @ppgen.observed
    def x(self, z: Tensor, seen: Tensor) -> dist.TorchDistribution:
        return dist.Normal(torch.where(seen, z, torch.zeros(())), 1.0)


class _Standard(ppgen.Guide):
    @ppgen.latent
    def z(self, x: Tensor, seen: Tensor) -> dist.TorchDistribution:
        return dist.Normal(torch.zeros(len(x)), 0.8).mask(seen)


def test_a_masked_latent_weighs_nothing_where_it_is_masked() -> None:
    seen = torch.tensor([True, False])
    x = torch.tensor([0.3, -1.2])
    weights = _weights(_MaskedLatent(), _Standard(), {"x": x, "seen": seen}, 6)
    exact = dist.Normal(0.0, 1.0).log_prob(x[1])
    torch.testing.assert_close(weights[:, 1], exact.expand(6))
    assert weights[:, 0].std() > 0


class _Shared(ppgen.Model):
    """One latent for all data."""

    @ppgen.latent(local=False)
    def mu(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def x(self, mu: Tensor) -> Any:
        return dist.Normal(mu, 1.0)


def test_only_one_plain_latent_of_each_datum_can_be_taken_as_given() -> None:
    model, shared, two = PPCA(latent_dim=2), _Shared(), TwoLevels()
    found = only_latent(model, MeanField(model, width=8), {"x": torch.zeros(4, 20)})
    assert found is not None
    assert found.name == "z"
    masked = {"x": torch.zeros(2), "seen": torch.tensor([True, False])}
    assert only_latent(_MaskedLatent(), _Standard(), masked) is None
    assert only_latent(shared, MeanField(shared), {"x": torch.zeros(4)}) is None
    assert only_latent(two, MeanField(two), {"x": torch.zeros(4, 5)}) is None
    assert only_latent(model, Delta(model), {"x": torch.zeros(4, 20)}) is None


def _log_q(guide: Any, batch: dict[str, Tensor], z: Tensor) -> Tensor:
    trace = pyro.poutine.trace(pyro.poutine.condition(guide, {"z": z})).get_trace(batch, len(z))
    return trace.nodes["z"]["fn"].log_prob(z)


def _weights(model: Any, guide: Any, batch: dict[str, Tensor], num_particles: int) -> Tensor:
    return particle_weights(model, guide, batch, num_particles, only_latent(model, guide, batch))


class Views(Model):
    """z ~ Normal(0, 1);  in three views: w ~ Normal(z, 1), x ~ Normal(w, 1). Three is also a number of rows."""

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @latent(plate="views")
    def w(self, z: Tensor) -> Any:
        return dist.Normal(z, 1.0)

    @observed(plate="views")
    def x(self, w: Tensor) -> Any:
        return dist.Normal(w, 1.0)


CASES = [
    pytest.param(lambda: VAE((1, 8, 8), latent_dim=3), MeanField, {"x": (1, 8, 8)}, id="vae"),
    pytest.param(lambda: ConditionalVAE((1, 8, 8), latent_dim=3), FullRank, {"x": (1, 8, 8), "y": None}, id="cvae"),
    pytest.param(TwoLevels, FullRank, {"x": (5,)}, id="two levels"),
    pytest.param(Views, MeanField, {"x": (3,)}, id="inner plate"),
]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("rows", [3, 5])
@pytest.mark.parametrize(("make", "family", "shapes"), CASES)
def test_log_weights_add_up_to_the_traces(make: Any, family: Any, shapes: dict[str, Any], rows: int) -> None:
    batch = {
        key: torch.arange(rows) if shape is None else torch.bernoulli(torch.full((rows, *shape), 0.5))
        for key, shape in shapes.items()
    }
    model = make()
    guide = family(model).setup(batch)
    pyro.set_rng_seed(0)
    drawn = pyro.poutine.trace(guide).get_trace(batch, rows)
    scored = pyro.poutine.trace(pyro.poutine.replay(model, drawn)).get_trace(batch, rows)
    pyro.set_rng_seed(0)
    weights = log_weights(model, guide, batch)
    assert weights.shape == (rows,)
    torch.testing.assert_close(weights.sum(), scored.log_prob_sum() - drawn.log_prob_sum(), rtol=0, atol=1e-9)


@pytest.mark.usefixtures("float64")
def test_each_weight_belongs_to_its_row() -> None:
    """Another row changes its own weight and no other, also where an inner plate is as long as the batch."""
    model = Views()
    x = torch.randn(3, 3)
    guide = MeanField(model).setup({"x": x})
    weights = []
    for shift in (0.0, 5.0):
        pyro.set_rng_seed(0)
        weights.append(log_weights(model, guide, {"x": x + torch.tensor([[0.0], [shift], [0.0]])}))
    changed = weights[0] != weights[1]
    assert changed.tolist() == [False, True, False]


@pytest.mark.usefixtures("float64")
def test_weights_without_latents_are_exact() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(1.0, 2.0).expand([3]).to_event(1), obs=x)

    x = torch.randn(4, 3)
    program = ppgen.Program(model).setup({"x": x})
    torch.testing.assert_close(log_weights(program.model, None, {"x": x}), dist.Normal(1.0, 2.0).log_prob(x).sum(1))


@pytest.mark.usefixtures("float64")
def test_a_program_without_sites_has_no_weights() -> None:
    with pytest.raises(DeclarationError, match="neither observed nor latent"):
        log_weights(lambda batch, size: None, None, {"x": torch.zeros(3)})


@pytest.mark.usefixtures("float64")
def test_a_global_latent_has_no_weight_per_datum() -> None:
    model, x = SharedMean(), torch.randn(4, 2)
    with pytest.raises(DeclarationError, match="mu"):
        log_weights(model, MeanField(model), {"x": x})


def test_a_density_that_depends_on_hidden_draws_is_not_called_exact() -> None:
    def model(x: Tensor) -> None:
        with pyro.poutine.block(), pyro.plate("hidden", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(pyro.param("loc", torch.tensor(0.0)) + z, 1.0), obs=x)

    x = torch.randn(30)
    fit = ppgen.fit(ppgen.Program(model), {"x": x}, max_epochs=1, progress=False)
    with pytest.raises(Unanswerable, match="draws numbers that are no sites"):
        fit.log_prob({"x": x})
