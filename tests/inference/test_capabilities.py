from __future__ import annotations

from typing import Any

import pytest

from ppgen.errors import SettingError
from ppgen.guides import Delta, MeanField
from ppgen.inference.capabilities import QUESTIONS, find_obstacle
from ppgen.models import GAN, VAE, BayesianLogisticRegression, GatedPixelCNN

VAE_, GAN_, PIXELCNN = VAE((1, 8, 8)), GAN((1, 8, 8)), GatedPixelCNN((1, 4, 4), 2, 1)
REGRESSION = BayesianLogisticRegression(x_dim=2)

CASES = [
    # model, guide, point?, density, sampling, representation
    (VAE_, MeanField(VAE_), False, None, None, None),
    (VAE_, Delta(VAE_), True, "point", None, None),
    (VAE_, None, False, "no guide", None, "no guide"),
    (PIXELCNN, None, False, None, None, "no latent variables"),
    (GAN_, None, False, "implicit", None, "no guide"),
    (REGRESSION, MeanField(REGRESSION), False, None, None, "global"),
]


@pytest.mark.parametrize(("model", "guide", "is_point", *QUESTIONS), CASES)
def test_what_can_be_answered_is_read_from_the_sites(
    model: Any, guide: Any, is_point: bool, density: Any, sampling: Any, representation: Any
) -> None:
    expected = {"density": density, "sampling": sampling, "representation": representation}
    for question, word in expected.items():
        error = find_obstacle(model, guide, question, is_point=is_point)
        assert (error is None) == (word is None)
        if error is not None:
            assert error.what.startswith(f"no {question}")
            assert word in error.what
            assert error.expected
            assert error.got
            assert error.fix


def test_an_observation_gives_an_implicit_model_a_density() -> None:
    class Observed(GAN):
        def observation(self, value: Any) -> Any:
            raise NotImplementedError

    model = Observed((1, 8, 8))
    assert find_obstacle(model, MeanField(VAE_), "density") is None
    assert "no guide" in str(find_obstacle(model, None, "density"))


def test_other_questions_are_not_known() -> None:
    with pytest.raises(SettingError, match="density, sampling, representation"):
        find_obstacle(VAE_, None, "beauty")
