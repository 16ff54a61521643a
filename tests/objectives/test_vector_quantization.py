"""Vector quantisation step by step: averages against hand-written ones, gradients, revival, resume to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ppgen
from ppgen import guides, models, nets
from ppgen.errors import SettingError
from ppgen.objectives.vector_quantization import CodeAverages

X = (1, 4, 4)


def pair(gumbel: bool = False) -> tuple[models.VQVAE, Any]:
    torch.manual_seed(0)
    model = models.VQVAE(X, num_codes=5, code_dim=3, num_halvings=1, width=8)
    encoder = nets.GridEncoder(X, 5 if gumbel else 3, 1, 8)
    return model, (guides.RelaxedCode if gumbel else guides.NearestCode)(encoder, model.codebook)


def images(rows: int = 12) -> Tensor:
    return (torch.rand(rows, *X, generator=torch.Generator().manual_seed(0)) > 0.5).float()


def gradients(objective: ppgen.Objective, model: Any, guide: Any, x: Tensor) -> dict[str, Tensor | None]:
    """Of the loss, by parameter; the codebook appears once."""
    state = objective.setup(model, guide, {"x": x})
    (player,) = objective.players(state)
    loss = objective.loss(state, player.name, objective.step(state, {"x": x}, len(x)))
    named = dict(torch.nn.ModuleDict({"model": model, "guide": guide}).named_parameters())
    return dict(zip(named, torch.autograd.grad(loss.value, list(named.values()), allow_unused=True), strict=True))


def test_moving_averages_are_those_written_by_hand() -> None:
    torch.manual_seed(0)
    book = nets.Codebook(4, 2)
    averages = CodeAverages(book)
    uses, sums = [0.3, 0.2, 0.4, 0.1], torch.randn(4, 2)
    averages.uses.copy_(torch.tensor(uses))
    averages.sums.copy_(sums)
    for _ in range(3):
        outputs, codes = torch.randn(3, 2, 2, 2), torch.randint(4, (3, 2, 2))
        for k in range(4):
            members = [outputs[i, :, r, c] for i in range(3) for r in range(2) for c in range(2) if codes[i, r, c] == k]
            uses[k] = 0.9 * uses[k] + 0.1 * len(members) / 12
            sums[k] = 0.9 * sums[k] + 0.1 * sum(members, torch.zeros(2)) / 12
        averages.update(outputs, codes, book.shares(codes), 0.9)
    averages.move(book, 1e-9, only_dead=False)
    torch.testing.assert_close(book.vectors.detach(), sums / torch.tensor(uses)[:, None])


def test_a_dead_code_is_revived_at_an_output_and_the_living_stay() -> None:
    torch.manual_seed(0)
    book = nets.Codebook(4, 2)
    before, averages = book.vectors.detach().clone(), CodeAverages(book)
    averages.uses.copy_(torch.tensor([0.5, 0.001, 0.4, 0.099]))
    outputs, codes = torch.randn(3, 2, 2, 2), torch.tensor([0, 2, 3]).reshape(3, 1, 1).expand(3, 2, 2)
    averages.update(outputs, codes, book.shares(codes), 0.99)
    averages.move(book, 0.1, only_dead=True)
    places = outputs.movedim(1, -1).reshape(-1, 2)
    assert (book.vectors[1] == places).all(-1).any()
    assert torch.equal(book.vectors[[0, 2, 3]], before[[0, 2, 3]])


def test_the_encoder_learns_as_if_the_codes_were_its_outputs() -> None:
    model, guide = pair()
    x = images()
    found = gradients(ppgen.VectorQuantization(commitment=0.0), model, guide, x)
    outputs = guide.encoder(x)
    z = model.codebook(outputs).detach().requires_grad_()
    distortion = -model.x(z).log_prob(x).mean()
    (slope,) = torch.autograd.grad(distortion, z)
    wanted = torch.autograd.grad(outputs, list(guide.encoder.parameters()), slope)
    for (name, _), gradient in zip(guide.encoder.named_parameters(), wanted, strict=True):
        torch.testing.assert_close(found[f"guide.encoder.{name}"], gradient)
    assert found["model.codebook.vectors"] is None  # moved by averages


def test_the_terms_reach_what_they_should() -> None:
    x = images()
    model, guide = pair()
    by_gradient = gradients(ppgen.VectorQuantization(decay=None), model, guide, x)
    codes = guide.z(x).codes  # after the codebook has begun
    outputs, vectors = guide.encoder(x).detach(), model.codebook.vectors
    wanted = 2.0 * sum(
        (vectors[codes[i, r, c]] - outputs[i, :, r, c]).detach()[None] * torch.eye(5)[codes[i, r, c]][:, None]
        for i in range(len(x)) for r in range(2) for c in range(2)
    ) / len(x)  # fmt: skip
    torch.testing.assert_close(by_gradient["model.codebook.vectors"], wanted, rtol=1e-4, atol=1e-6)
    log_prior = -model.z().log_prob(guide.z(x).mean.detach()).mean()
    for (name, _), gradient in zip(
        model.prior.named_parameters(), torch.autograd.grad(log_prior, list(model.prior.parameters())), strict=True
    ):
        torch.testing.assert_close(by_gradient[f"model.prior.{name}"], gradient)
    relaxed = gradients(ppgen.GumbelSoftmax(), *pair(gumbel=True), x)
    assert all(gradient is not None and gradient.isfinite().all() for gradient in relaxed.values())
    assert relaxed["model.codebook.vectors"].any()


def test_the_entropy_is_worth_beta() -> None:
    model, guide = pair(gumbel=True)
    values = []
    for beta in (0.0, 1.0):
        torch.manual_seed(1)
        objective = ppgen.GumbelSoftmax(beta)
        state = objective.setup(model, guide, {})
        values.append(objective.loss(state, "gumbelsoftmax", objective.step(state, {"x": images()}, 12)))
    entropy = guide.z(images()).entropy().mean().item()
    assert (values[0].value - values[1].value).item() == pytest.approx(entropy, rel=1e-4)


def test_validation_moves_nothing() -> None:
    model, guide = pair()
    objective = ppgen.VectorQuantization()
    state = objective.setup(model, guide, {})
    before = {name: value.clone() for name, value in torch.nn.ModuleDict(state.modules).state_dict().items()}
    with torch.no_grad():
        objective.loss(state, "vectorquantization", objective.step(state, {"x": images()}, 12))
    assert all(torch.equal(v, before[k]) for k, v in torch.nn.ModuleDict(state.modules).state_dict().items())


@pytest.mark.parametrize("decay", [0.9, None])
def test_a_run_resumes_to_the_same_bits(decay: float | None, tmp_path: Path) -> None:
    weights = []
    for name, epochs in (("once", [4]), ("twice", [2, 4])):
        for stop in epochs:
            model, guide = pair()
            fit = ppgen.fit(
                model, {"x": images(40)}, guide=guide, objective=ppgen.VectorQuantization(decay=decay),
                max_epochs=stop, batch_size=8, device="cpu", progress=False, out=tmp_path / name, resume=stop == 4 and
                len(epochs) > 1, seed=0,
            )  # fmt: skip
        weights.append(torch.nn.ModuleDict(fit.state.modules).state_dict())
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())


def test_another_guide_is_refused_by_name() -> None:
    model, nearest = pair()
    relaxed = guides.RelaxedCode(nets.GridEncoder(X, 5, 1, 8), model.codebook)
    with pytest.raises(SettingError, match="no nearest vectors"):
        ppgen.VectorQuantization().check(model, relaxed)
    with pytest.raises(SettingError, match="no relaxed codes"):
        ppgen.GumbelSoftmax().check(model, nearest)
    for wrong in ({"commitment": -1.0}, {"decay": 1.0}, {"revive": 0.0}):
        with pytest.raises(SettingError):
            ppgen.VectorQuantization(**wrong)
