"""The VQ-VAE against oracles: all codes enumerated, samples counted, and what its guides say."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

import ppgen
from ppgen import guides, models, nets
from ppgen.distributions import CodeVectors, NearestCodes, RelaxedCodes
from ppgen.distributions.code_vectors import codes_of, vectors_at
from ppgen.errors import SettingError
from ppgen.inference import elbo_parts
from tests.oracles.chi_square import p_value

SHAPE, CODES = (1, 2, 4), 3  # a grid of 1 x 2: nine codes, 256 images


def tiny() -> models.VQVAE:
    """A model small enough to be enumerated, whose prior and decoder differ from one code to the next."""
    torch.manual_seed(0)
    model = models.VQVAE(SHAPE, CODES, code_dim=2, num_halvings=1, width=4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
    return model


def of_bits(number: int) -> Tensor:
    """All values of so many bits, [2^number, number]."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=number)))


@torch.no_grad()
def exact(model: models.VQVAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """``log p(codes)`` of all nine, and ``log p(x)`` of each x, by summation over them."""
    codes = torch.tensor(list(itertools.product(range(CODES), repeat=2))).reshape(-1, 1, 2)
    z = model.codebook.vectors_at(codes)
    log_prior = model.z().log_prob(z)
    joint = torch.stack([model.x(each.expand(len(x), -1, -1, -1)).log_prob(x) for each in z])
    return log_prior, (log_prior[:, None] + joint).logsumexp(0)


def guides_of(model: models.VQVAE) -> list[Any]:
    torch.manual_seed(1)
    nearest = guides.NearestCode(nets.GridEncoder(SHAPE, 2, 1, 4), model.codebook)
    return [nearest, guides.RelaxedCode(nets.GridEncoder(SHAPE, CODES, 1, 4), model.codebook)]


def test_codes_and_images_have_probabilities_that_sum_to_one() -> None:
    model = tiny()
    log_prior, log_p = exact(model, of_bits(8).reshape(-1, *SHAPE))
    assert log_prior.exp().sum().item() == pytest.approx(1.0, abs=1e-5)
    assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("which", [0, 1], ids=["nearest", "relaxed"])
def test_the_bound_lies_below_the_density_at_every_image(which: int) -> None:
    model, x = tiny(), of_bits(8).reshape(-1, *SHAPE)
    guide, (_, log_p) = guides_of(model)[which], exact(model, x)
    with torch.no_grad():
        codes = torch.tensor(list(itertools.product(range(CODES), repeat=2))).reshape(-1, 1, 2)
        q = guide.z(x)
        terms, squares = [], []
        for each in model.codebook.vectors_at(codes):
            z = each.expand(len(x), -1, -1, -1)
            log_q = q.log_prob(z)
            joint = model.z().log_prob(z) + model.x(z).log_prob(x)
            ratio = torch.where(log_q.isinf(), 0.0, joint - log_q)
            terms.append(log_q.exp() * ratio)
            squares.append(log_q.exp() * ratio.square())
    bound = torch.stack(terms).sum(0)  # E_q[log p(x, z) - log q(z | x)], summed over all codes
    assert (bound < log_p).all()
    torch.manual_seed(0)
    wide = x.repeat(100, 1, 1, 1)
    sampled = elbo_parts(model, guide, {"x": wide}, len(wide)).elbo.item()
    variance = torch.stack(squares).sum(0) - bound.square()
    error = (variance.mean().clamp(min=0.0) / len(wide)).sqrt().item()
    assert sampled == pytest.approx(bound.mean().item(), abs=4.0 * error + 1e-3)


def test_samples_are_those_of_the_enumerated_density() -> None:
    model, x = tiny(), of_bits(8).reshape(-1, *SHAPE)
    _, log_p = exact(model, x)
    torch.manual_seed(0)
    with torch.no_grad():
        drawn = model(size=20_000)["x"].flatten(1)
    index = (drawn * 2 ** torch.arange(7, -1, -1)).sum(1).long()
    assert p_value(index.bincount(minlength=256), log_p.exp()) > 0.001


def test_cached_samples_of_codes_are_those_of_whole_passes() -> None:
    inner = nets.GatedPixelCNN((5, 3, 3), 4, 2, 3, 3, num_parameters=5).double()
    network, codes = nets.OverCodes(inner), torch.randint(5, (4, 1, 3, 3))
    with torch.no_grad():
        state, whole = network.start(4), network(codes).flatten(2)
        for k in range(9):
            previous = codes.flatten(1)[:, k - 1 : k] if k else torch.zeros(4, 1)
            parameters, state = network.step(state, previous, k)
            torch.testing.assert_close(parameters, whole[:, :, k], rtol=1e-12, atol=1e-12)


def test_what_is_drawn_at_low_temperature_is_the_most_probable_code() -> None:
    prior: CodeVectors = tiny().z()
    cold = prior.tempered(1e-4).sample((50,))
    assert torch.equal(cold, cold[:1].expand_as(cold))


def test_the_straight_through_gradient_is_that_of_the_identity() -> None:
    torch.manual_seed(0)
    outputs, vectors = torch.randn(4, 2, 3, 3, requires_grad=True), torch.randn(7, 2, requires_grad=True)
    q = NearestCodes(outputs, vectors)
    z, weight = q.rsample(), torch.randn(4, 2, 3, 3)
    assert torch.equal(z, vectors_at(vectors, q.codes))
    given = torch.autograd.grad((weight * z.sin()).sum(), (outputs, vectors), allow_unused=True)
    torch.testing.assert_close(given[0], weight * z.detach().cos())  # as if z were the outputs
    assert given[1] is None
    assert torch.equal(q.log_prob(z), torch.zeros(4))
    assert (q.log_prob(z.flip(0)) == -torch.inf).any()


def test_the_nearest_code_is_found_among_near_ones() -> None:
    vectors = 100.0 + 1e-4 * torch.randn(50, 3)
    codes = torch.randint(50, (6, 4, 4))
    assert torch.equal(codes_of(vectors, vectors_at(vectors, codes)), codes)


def test_relaxed_draws_are_categorical_and_their_gradient_is_that_of_softmax() -> None:
    torch.manual_seed(0)
    logits, vectors = torch.randn(1, 8, 1, 1, requires_grad=True), torch.randn(8, 2, requires_grad=True)
    q = RelaxedCodes(logits, vectors, temperature=0.7)
    z = q.sample((20_000,))
    counts = codes_of(vectors, z).flatten().bincount(minlength=8)
    probabilities = logits.flatten().softmax(0).detach()
    assert p_value(counts, probabilities) > 0.001
    reference = torch.distributions.Categorical(logits=logits.flatten())
    torch.testing.assert_close(q.entropy()[0], reference.entropy())
    torch.testing.assert_close(q.log_prob(z[:50, 0:1])[:, 0], reference.log_prob(codes_of(vectors, z[:50]).flatten()))
    torch.manual_seed(3)
    given = torch.autograd.grad(q.rsample().square().sum(), (logits, vectors))
    torch.manual_seed(3)
    hard = q.rsample().detach()
    torch.manual_seed(3)
    noise = -torch.empty(1, 8, 1, 1).exponential_().log()
    soft = ((logits.log_softmax(1) + noise) / 0.7).softmax(1)
    mixed = torch.einsum("nkhw,kd->ndhw", soft, vectors)
    wanted = torch.autograd.grad((2.0 * hard * mixed).sum(), (logits, vectors))  # the slope of z^2 at the hard draw
    for one, other in zip(given, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_perplexity_of_equal_use_is_the_number_of_codes() -> None:
    book = nets.Codebook(6, 2)
    assert book.perplexity(torch.arange(6).repeat(5)).item() == pytest.approx(6.0, rel=1e-5)
    assert book.perplexity(torch.full((3, 2, 2), 4)).item() == 1.0


def test_a_fit_learns_codes_and_prior_at_once_and_its_numbers_are_bounds(tmp_path: Any) -> None:
    rows = torch.zeros(60, *SHAPE)
    rows[::2, :, :, :2] = 1.0
    rows[::3, :, :, 2:] = 1.0  # four images, of two halves
    torch.manual_seed(0)
    model = models.VQVAE(SHAPE, 4, code_dim=2, num_halvings=1, width=8)
    guide = guides.NearestCode(nets.GridEncoder(SHAPE, 2, 1, 8), model.codebook)
    settings: dict[str, Any] = {
        "objective": ppgen.VectorQuantization(), "max_epochs": 25, "learning_rate": 1e-2, "batch_size": 12,
        "device": "cpu", "progress": False, "out": tmp_path / "run", "patience": None,
    }  # fmt: skip
    fit = ppgen.fit(model, {"x": rows}, guide=guide, **settings)
    bound = fit.elbo()
    assert bound.kind == "lower bound"
    assert fit.history[-1]["train"]["elbo"] > -4.0  # coin flips: -5.5 nats; the four images by heart: -1.2
    assert {"rate/z", "distortion", "perplexity", "usage", "commitment"} <= set(fit.history[-1]["valid"])
    again = ppgen.load(tmp_path / "run", data={"x": rows})
    assert again.elbo().value == bound.value
    z = fit.encode({"x": rows[:6]})["z"]
    assert torch.equal(fit.model.codebook.vectors_at(fit.model.codebook.codes(z)), z)


def test_no_guide_is_derived_and_no_vector_has_a_grid() -> None:
    with pytest.raises(ppgen.errors.DeclarationError, match="z"):
        ppgen.fit(tiny(), {"x": torch.zeros(20, *SHAPE)}, guide=guides.MeanField(tiny()), progress=False)
    with pytest.raises(SettingError, match="over an image"):
        models.VQVAE((12,))
    with pytest.raises(SettingError, match="not one over such codes"):
        nets.OverCodes(nets.GatedPixelCNN((5, 3, 3), 4, 1, num_parameters=4))
