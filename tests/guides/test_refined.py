from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import ppgen
from ppgen.context import evaluating
from ppgen.declare import ModelGuide, check
from ppgen.errors import SettingError
from ppgen.guides import Flow, FullRank, MeanField, Refined, Structured
from ppgen.inference.importance import elbo_per_datum, only_latent, repeat_rows
from tests.oracles.ascent import bound
from tests.oracles.conjugate import SharedMean
from tests.oracles.known_answers import case
from tests.oracles.linear_gaussian import PPCA, frozen, log_evidence, marginal, posterior


class Weak(nn.Module):
    """An encoder that sees one number of each datum, and so cannot serve any of them well."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, :1]


def differences(model: object, first: object, second: object, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Bound of the first guide minus that of the second, of all data, for the same noise: one for each draw."""
    draws = []
    for seed in range(20):
        both = []
        for guide in (first, second):
            torch.manual_seed(seed)
            with torch.no_grad():
                both.append(elbo_per_datum(model, guide, batch).sum())
        draws.append(both[0] - both[1])
    return torch.stack(draws)


@pytest.mark.usefixtures("float64")
def test_it_closes_the_amortisation_gap() -> None:
    """From an encoder that is nats away to the exact posterior of each datum, and never above log p."""
    model, batch = case("A")
    guide = FullRank(model, encoder=Weak())
    exact = model.log_prob(batch).sum().item()
    before, _ = bound(model, guide, batch, 20)
    after, error = bound(model, Refined(guide, steps=250, learning_rate=0.2).eval(), batch, 50)
    assert before < exact - 200.0
    assert exact - 6.0 < after < exact + 3 * error


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("name", "family"),
    [("D", FullRank), ("masked views", MeanField), ("masked views", Structured), ("some y", MeanField), ("B", Flow)],
)
def test_no_datum_is_worse_off(name: str, family: type) -> None:
    """Of any family, with discrete latents, masks and plates; even where the steps go astray."""
    model, batch = case(name, rows=12)
    guide = family(model, width=16).setup(batch)
    check(model, Refined(guide, steps=2), {k: v for k, v in batch.items() if k != "y"})
    for settings, better in (({"steps": 20}, True), ({"steps": 2, "learning_rate": 1e3}, False)):
        refined = Refined(guide, **settings).eval()
        gained = differences(model, refined, guide, batch)
        assert gained.mean() > (12.0 if better else -3 * gained.std() / 20**0.5 - 1e-9)
        total, error = bound(model, refined, batch, 20)
        assert total < model.log_prob(batch).sum() + 3 * error


def test_nothing_else_changes() -> None:
    """Weights, buffers, modes, gradients and random state, bit for bit."""

    class Noisy(ppgen.models.VAE):
        def __init__(self) -> None:
            super().__init__((1, 8, 8), latent_dim=2)
            self.decoder = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5), self.decoder)

    model = Noisy().train()
    guide = MeanField(model)
    refined = Refined(guide, steps=3).eval()
    state, random_state = copy.deepcopy(nn.ModuleList([model, guide]).state_dict()), torch.get_rng_state()
    refined.shifts({"x": torch.rand(5, 1, 8, 8).round()})
    torch.set_rng_state(random_state)  # torch.rand has drawn
    x = torch.zeros(5, 1, 8, 8)
    refined.shifts({"x": x})
    assert torch.equal(torch.get_rng_state(), random_state)
    after = nn.ModuleList([model, guide]).state_dict()
    assert all(torch.equal(value, state[name]) for name, value in after.items())
    assert model.training
    assert all(p.grad is None for p in [*model.parameters(), *guide.parameters()])


def test_copies_of_a_row_share_their_result_and_it_is_kept() -> None:
    model, batch = case("A", rows=6)
    refined = Refined(MeanField(model), steps=5).eval()
    alone = refined.shifts(batch)["z"]
    assert torch.equal(refined.shifts(repeat_rows(batch, 3))["z"], alone.repeat(3, 1))
    calls: list[int] = []
    optimise = refined._optimise
    refined._optimise = lambda batch: calls.append(1) or optimise(batch)  # type: ignore[method-assign]
    refined.shifts(repeat_rows(batch, 4))
    assert not calls
    with torch.no_grad():
        next(refined.guide.parameters()).add_(0.1)
    refined.shifts(batch)
    assert len(calls) == 1


def test_a_fit_answers_with_it() -> None:
    """elbo, log_prob, posterior and encode; its weights are the encoder's, which training moves without unrolling."""
    torch.manual_seed(0)
    model, batch = case("A", rows=20)
    fit = ppgen.fit(model, batch, guide=MeanField(model, encoder=Weak()), max_epochs=2, progress=False)
    x = batch["x"][:4]
    before, means = fit.elbo(x, num_particles=20).value, fit.encode(x).only
    fit.guide = Refined(fit.guide, steps=25, learning_rate=0.3).eval()
    after = fit.elbo(x, num_particles=20)
    exact = model.log_prob({"x": x}).mean().item()
    assert before + 1.0 < after.value < exact + 0.5
    assert fit.log_prob(x, 50).value > after.value
    assert not torch.allclose(fit.encode(x).only, means)
    assert fit.posterior(x, num_draws=3) is not None
    trained = fit.guide.train()
    torch.manual_seed(1)
    first = trained(batch)["z"]
    torch.manual_seed(1)
    assert torch.equal(first, trained.guide(batch)["z"])


def test_global_latents_keep_what_was_fitted() -> None:
    model = SharedMean()
    x = model(size=20)["x"].detach()
    guide = MeanField(model)
    refined = Refined(guide, steps=40).eval()
    assert set(refined.shifts({"x": x})) == {"z"}
    fit = ppgen.fit(model, x, guide=guide, max_epochs=1, progress=False)
    before = fit.elbo(x, num_particles=50)
    fit.guide = refined
    assert fit.elbo(x, num_particles=50).value > before.value


def test_what_it_cannot_start_from_is_refused() -> None:
    model, batch = case("D")
    for guide in (Weak(), MeanField(case("masked data")[0])):
        with pytest.raises(SettingError, match="no encoder to start from"):
            Refined(guide)  # type: ignore[arg-type]
    guide = MeanField(model).setup(batch)
    for settings in ({"steps": 0}, {"steps": 1.5}, {"learning_rate": 0.0}, {"learning_rate": float("nan")}):
        with pytest.raises(SettingError, match="out of range"):
            Refined(guide, **settings)


def test_the_noise_of_its_steps_is_averaged_out() -> None:
    """By default it comes within a tenth of a nat of the best mean-field Gaussian, which is known in closed form."""
    torch.manual_seed(0)
    model = frozen(PPCA(latent_dim=10, x_dim=30))
    x = marginal(model).sample((400,)).float()
    fit = ppgen.fit(model, x, guide=MeanField(model), max_epochs=12, learning_rate=0.01, progress=False)
    few = fit.data.split("test")["x"][:20]
    exact = posterior(model, few)
    # KL of the best mean-field Gaussian, whose precisions are the posterior's (Bishop, 2006, section 10.1.2).
    variances = 1.0 / torch.linalg.inv(exact.covariance_matrix).diagonal(dim1=-2, dim2=-1)
    best = 0.5 * (torch.logdet(exact.covariance_matrix) - variances.log().sum(-1)).mean()

    def lost(guide: ModelGuide) -> torch.Tensor:
        with torch.no_grad(), evaluating(model, guide):
            drawn = only_latent(model, guide, {"x": few})
        assert drawn is not None
        q = drawn.guide_fn
        wide = torch.distributions.MultivariateNormal(q.mean.double(), q.variance.double().diag_embed())
        return torch.distributions.kl_divergence(wide, exact).mean() - best

    assert lost(fit.guide) > 1.0
    assert 0.0 < lost(Refined(fit.guide, steps=300)) < 0.1


def test_a_head_of_many_numbers_takes_shorter_steps() -> None:
    """A step as long as those of few numbers carries the noise of 405: it ends three nats below log p, not two."""
    torch.manual_seed(0)
    model = PPCA(latent_dim=27, x_dim=40, noise=0.5).requires_grad_(False)
    x = marginal(model).sample((60,)).float()
    fit = ppgen.fit(model, x, guide=FullRank(model), max_epochs=600, learning_rate=0.003, progress=False)
    exact, start = float(log_evidence(model, x).mean()), fit.elbo(x, num_particles=50).value
    assert start < exact - 5
    guide = fit.guide
    fit.guide = Refined(guide, steps=200).eval()
    shorter = fit.elbo(x, num_particles=50).value
    fit.guide = Refined(guide, steps=200, learning_rate=0.7 / 200**0.5).eval()
    assert exact - 2 < shorter < exact + 0.2
    assert fit.elbo(x, num_particles=50).value < exact - 2.5
