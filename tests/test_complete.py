"""`fit.complete` and a temperature: what an autoregressive fit answers, and what no other can."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import ppgen
from ppgen import models
from ppgen.distributions import Autoregressive, conditionals
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.fitted import Fit

UPPER = torch.arange(4).unsqueeze(1).expand(4, 4) < 2


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Rows of one colour each, so that what is below says nothing of what is above, and all of its own row."""
    return (
        torch.rand(200, 1, 4, 1, generator=torch.Generator().manual_seed(0)).round().expand(200, 1, 4, 4).contiguous()
    )


@pytest.fixture(scope="module")
def fit(images: Tensor) -> Fit:
    torch.manual_seed(0)
    return ppgen.fit(models.GatedPixelCNN((1, 4, 4), 8, 1), images, max_epochs=2, device="cpu", progress=False)


def test_completions_are_those_of_the_distribution(fit: Fit, images: Tensor) -> None:
    x = images[:6].masked_fill(~UPPER, float("nan"))  # hidden values are not looked at
    answer = fit.complete(x, UPPER, seed=3)
    assert isinstance(answer, ppgen.BySite)
    likelihood = fit.model.likelihood
    fn = Autoregressive(fit.model.network, (1, 4, 4), conditional=conditionals.OfPixel(likelihood)).expand([6])
    torch.manual_seed(3)
    assert torch.equal(answer["x"], fn.complete(images[:6], UPPER))
    assert torch.equal(fit.complete({"x": images[:6]}, UPPER.numpy(), site="x", seed=3), answer.only)
    assert torch.equal(answer.only[..., :2, :], images[:6, :, :2])


def test_a_temperature_is_that_of_the_distribution(fit: Fit) -> None:
    fn = Autoregressive(fit.model.network, (1, 4, 4), conditional=conditionals.OfPixel(fit.model.likelihood))
    torch.manual_seed(5)
    expected = fn.expand([50]).tempered(0.3).sample()
    assert torch.equal(fit.sample(50, temperature=0.3, seed=5).only, expected)
    assert not torch.equal(fit.sample(50, seed=5).only, expected)


def test_a_bar_goes_through_the_positions_and_changes_no_draw(fit: Fit, capsys: pytest.CaptureFixture[str]) -> None:
    plain = fit.sample(3).only
    assert capsys.readouterr().err == ""
    assert torch.equal(fit.sample(3, progress=True).only, plain)
    assert "/16" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "mask", "kind", "what"),
    [
        (lambda x: x, ~UPPER, SettingError, "drawn after a hidden one"),
        (lambda x: x, UPPER.float(), DataError, "true and false"),
        (lambda x: x, UPPER[:3], DataError, "mask is not that"),
        (lambda x: x, "upper", DataError, "mask is no tensor"),
        (lambda x: x.expand(-1, 3, 4, 4), UPPER, DataError, "shape is not the model's"),
        (lambda x: 0.5 * x, UPPER, DataError, "outside the support"),
        (lambda x: 2.0 * x, UPPER, DataError, "outside the support"),
    ],
)
def test_what_cannot_be_completed_is_refused(fit: Fit, images: Tensor, change, mask, kind, what) -> None:
    with pytest.raises(kind, match=what) as caught:
        fit.complete(change(images[:6]), mask)
    assert caught.value.fix


def test_other_models_say_which_would(images: Tensor) -> None:
    gan = ppgen.fit(models.GAN((1, 4, 4), 2), images, objective=ppgen.Adversarial(), max_epochs=1, progress=False)
    with pytest.raises(Unanswerable, match="has no p") as caught:
        gan.complete(images[:2], UPPER)
    assert "GatedPixelCNN" in str(caught.value.fix)
    vae = ppgen.fit(models.VAE((1, 4, 4), 2, (4,)), images, max_epochs=1, device="cpu", progress=False)
    with pytest.raises(Unanswerable, match="no site of VAE is drawn position by position"):
        vae.sample(2, temperature=0.5)
    continuous = ppgen.nets.DiscretizedLogisticLikelihood((1,), 2)
    other = ppgen.fit(models.GatedPixelCNN((1, 4, 4), 2, 1, continuous), images, max_epochs=1, progress=False)
    with pytest.raises(SettingError, match="has no temperature"):
        other.sample(2, temperature=0.5)
