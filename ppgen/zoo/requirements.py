"""What a recipe needs of the data, asked before a model is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgen.errors import SettingError

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["must_have_masks", "num_classes_of"]


def num_classes_of(data: Dataset, name: str) -> int:
    """How many classes the labels ``y`` have.

    Raises:
        SettingError: if there are none; ``name`` is the recipe that asks for them.
    """
    if "y" in data.num_classes:
        return data.num_classes["y"]
    raise SettingError(
        f"{name}: {data.name} has no class labels",
        expected="an integer covariate y beside x",
        got=", ".join(data.keys),
        fix='data={"x": x, "y": y}, or the recipe vae, which needs no labels',
    )


def must_have_masks(data: Dataset, name: str) -> None:
    """Refuse data whose images are given in full."""
    if "given" not in data.keys or "mask" not in data.keys:
        raise SettingError(
            f"{name}: the images of {data.name} are not partly given",
            expected="covariates given and mask",
            got=", ".join(data.keys),
            fix="data=ppgen.data.quadrants(data, observed=1)",
        )
