from __future__ import annotations

import math

import pytest
import torch

import ppgen
from ppgen.errors import DataError, SettingError
from ppgen.evaluation import foils
from ppgen.fitted import Fit
from tests.oracles.exact_gaussian import gaussian_fit


@pytest.fixture(scope="module")
def bits() -> tuple[Fit, Fit]:
    """Models of two sets of 4x4 bits: mostly white in one, mostly black in the other."""
    fits = []
    for rate in (0.9, 0.1):
        x = (torch.rand(120, 1, 4, 4, generator=torch.Generator().manual_seed(0)) < rate).float()
        data = ppgen.data.from_tensors(x, name=f"{rate:.0%} ink")
        fits.append(ppgen.fit(ppgen.models.MADE((1, 4, 4)), data, max_epochs=5, progress=False))
    return fits[0], fits[1]


def test_two_unit_gaussians_along_the_score() -> None:
    fit = gaussian_fit()
    inside, outside = torch.zeros(2000, 20), torch.zeros(2000, 20)
    inside[:, 0], outside[:, 0] = torch.randn(2000), torch.randn(2000) + 1.0
    along = ppgen.OutlierScore("along", lambda rows: rows.x[:, 0])
    found = ppgen.detect_outliers(fit, inside, outside, [along], num_data=2000, progress=False)
    rate = found["tensors", "outside"]["along"].auroc
    truth = 0.5 * (1.0 + math.erf(0.5))  # Phi(1 / sqrt 2)
    assert rate.low < truth < rate.high


def test_a_fit_on_the_other_side_gives_both_directions(bits: tuple[Fit, Fit]) -> None:
    white, black = bits
    found = ppgen.detect_outliers(white, None, black, ["log_prob", "ratio"], progress=False)
    assert [(pair.inside, pair.outside) for pair in found.pairs] == [
        ("90% ink", "10% ink"), ("90% ink", "noise"), ("90% ink", "constants"),
        ("10% ink", "90% ink"), ("10% ink", "noise"), ("10% ink", "constants"),
    ]  # fmt: skip
    for pair in (found["90% ink", "10% ink"], found["10% ink", "90% ink"]):
        assert pair["-log p(x)"].auroc.value == 1.0
        assert "no background" in pair.refused["likelihood ratio"]
    text = found.to_text()
    assert "Outliers: 10% ink told from 90% ink" in text
    assert "log p(x): exact" in text
    assert "1.000 [1.000, 1.000]" in text
    assert "| score | AUROC" in found.to_markdown()
    assert "<table>" in found._repr_html_()


def test_backgrounds_go_with_the_fits(bits: tuple[Fit, Fit]) -> None:
    white, black = bits
    found = ppgen.detect_outliers(white, None, black, ["ratio"], background=[black, white], progress=False)
    assert found["90% ink", "10% ink"]["likelihood ratio"].auroc.value == 1.0
    assert found["10% ink", "90% ink"]["likelihood ratio"].auroc.value == 1.0
    for wrong in ([black], [black, None, white], [black, 3], 3):
        with pytest.raises(SettingError, match="backgrounds"):
            ppgen.detect_outliers(white, None, black, ["ratio"], background=wrong, progress=False)  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_numbers_and_nothing_is_changed(bits: tuple[Fit, Fit]) -> None:
    white, black = bits
    outside = black.data
    digest, state = white.weights_digest, torch.get_rng_state()
    first, second = (ppgen.detect_outliers(white, None, outside, ["typicality"], progress=False) for _ in range(2))
    assert first == second
    assert white.weights_digest == digest
    assert torch.equal(state, torch.get_rng_state())
    assert first.pairs[0].outside == "10% ink"


def test_foils_are_noise_and_constants_of_the_values_that_there_are(bits: tuple[Fit, Fit]) -> None:
    made = foils(bits[0], {"x": torch.zeros(200, 1, 4, 4)})
    assert made["noise"]["x"].unique().tolist() == [0.0, 1.0]
    assert 0.47 < float(made["noise"]["x"].mean()) < 0.53
    rows = made["constants"]["x"].flatten(1)
    assert torch.equal(rows.min(1).values, rows.max(1).values)
    assert rows.unique().tolist() == [0.0, 1.0]


def test_what_cannot_be_asked_is_refused_by_name(bits: tuple[Fit, Fit]) -> None:
    found = ppgen.detect_outliers(bits[0], scores=["log_prob"], progress=False)
    with pytest.raises(SettingError, match="no pair"):
        found["90% ink", "cats"]
    with pytest.raises(SettingError, match="has no number"):
        found["90% ink", "noise"]["ratio"]
    with pytest.raises(DataError):
        ppgen.detect_outliers(bits[0], None, torch.rand(5, 1, 4, 4), ["log_prob"], progress=False)
    with pytest.raises(SettingError, match="unknown score"):
        ppgen.detect_outliers(bits[0], scores=["ration"], progress=False)
