"""The explorer's pictures are those that the fit decodes."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ppgen.errors import SettingError
from ppgen.reporting.explorer import explorer
from ppgen.reporting.sheet import Sheet
from ppgen.reporting.strip import shuffled_test, strips


def tile(sheet: Sheet, index: int) -> Any:
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet.address.partition(",")[2]))))
    top, left = sheet.height * (index // sheet.columns), sheet.width * (index % sheet.columns)
    return image[top : top + sheet.height, left : left + sheet.width]


def test_a_setting_of_the_sliders_is_the_decoded_code(fits: Mapping[str, Any]) -> None:
    fit = fits["vae"]
    test = shuffled_test(fit, 0)
    made = explorer(fit, test, budget=64 * 5**3)
    assert [len(axis.values) for axis in made.axes] == [5, 5, 5]
    code = fit.encode({"x": test["x"][:1]})["z"].clone()
    values = [-1.6449, -0.5978, 0.0, 0.5978, 1.6449]  # quantiles 0.05, 0.275, 0.5, 0.725, 0.95
    for setting in ((0, 0, 0), (1, 4, 2), (3, 0, 4)):
        for axis, at in zip(made.axes, setting, strict=True):
            code[0, int(axis.name[2:-1])] = values[at]
        wanted = np.round(fit.decode(code, site="x")[0, 0].numpy() * 255)
        found = tile(made.sheet, int(np.ravel_multi_index(setting, (5, 5, 5))))
        assert np.abs(found - wanted).max() <= 1  # the quantiles above have four decimals


def test_a_label_is_a_slider(fits: Mapping[str, Any]) -> None:
    fit = fits["cvae"]
    test = shuffled_test(fit, 0)
    made = explorer(fit, test, budget=64 * 10 * 25)
    assert (made.axes[0].name, len(made.axes[0].values), made.axes[0].at) == ("y", 10, int(test["y"][0]))
    assert made.sheet.count == 250


def test_a_model_without_a_code_starts_from_its_noise(fits: Mapping[str, Any]) -> None:
    assert "from a draw of the prior" in explorer(fits["gan"], shuffled_test(fits["gan"], 0)).caption


def test_no_latent_no_sliders(fits: Mapping[str, Any]) -> None:
    with pytest.raises(SettingError, match="nothing to walk along"):
        explorer(fits["pixelcnn"], shuffled_test(fits["pixelcnn"], 0))


def test_real_data_stand_last_in_the_strip_and_once(fits: Mapping[str, Any]) -> None:
    rows = strips(fits)
    assert [row.name for row in rows] == [*fits, "real data"]
    assert [row.is_real for row in rows] == [False] * 4 + [True]
