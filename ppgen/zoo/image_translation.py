"""Recipes that translate images: from pairs, and between two domains that nobody paired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgen.errors import SettingError
from ppgen.zoo.recipe import BuiltRecipe, Recipe

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["IMAGE_TRANSLATION"]

_SMALL = 32  # pixels a side


def _pix2pix(data: Dataset, l1: float = 100.0, loss: str = "nonsaturating", output: str | None = None) -> BuiltRecipe:
    from ppgen import models, objectives

    _must_have(data, "pix2pix", ("x", "given"), 'ppgen.data.paired(data, "edges"); or columns x and given')
    given = data.columns["given"].event_shape
    model = models.Pix2Pix(data.x_shape, given[0], output=_output(data, "x", output))
    return BuiltRecipe(model, None, objectives.PairedTranslation(loss=loss, l1=l1))


def _cyclegan(
    data: Dataset,
    width: int = 16,
    num_blocks: int = 2,
    num_halvings: int | None = None,
    translator: str = "residual",
    critic: tuple[int, ...] | None = None,
    cycle: float = 10.0,
    identity: float = 0.0,
    loss: str = "least-squares",
    output: str | None = None,
) -> BuiltRecipe:
    """Both generators, and a critic of each domain of such channels at each halving: three see whole glyphs."""
    from ppgen import models, nets, objectives

    _must_have(data, "cyclegan", ("a", "b"), 'data="mnist+usps"; or ppgen.data.unpaired(a=..., b=...)')
    a_shape, b_shape = (data.columns[name].event_shape for name in ("a", "b"))
    if num_halvings is None:
        num_halvings = 1 if max(a_shape[1:]) <= _SMALL else 2
    kind: Any = translator
    model = models.CycleGAN(a_shape, b_shape, width, num_blocks, _output(data, "b", output), num_halvings, kind)
    critics = {"a": nets.PatchCritic(a_shape, hidden=critic), "b": nets.PatchCritic(b_shape, hidden=critic)}
    return BuiltRecipe(model, None, objectives.CycleTranslation(critics, loss, cycle=cycle, identity=identity))


def _output(data: Dataset, name: str, asked: str | None) -> Any:
    """Of real numbers no range is known; all other measures that an image can have lie between 0 and 1."""
    return asked or ("none" if data.columns[name].measure in ("continuous", "integer") else "sigmoid")


def _must_have(data: Dataset, recipe: str, names: tuple[str, str], fix: str) -> None:
    if any(name not in data.keys or data.columns[name].kind != "image" for name in names):
        raise SettingError(
            f"{recipe}: {data.name} has not the images that are translated",
            expected=f"images {names[0]} and {names[1]}",
            got=", ".join(f"{name} ({column})" for name, column in data.columns.items()),
            fix=fix,
            code="S221",
        )


IMAGE_TRANSLATION = (
    Recipe(
        "pix2pix",
        "images from images, learned from pairs: right by a distance, sharp by a critic",
        "Isola et al., 2017, Image-to-Image Translation with Conditional Adversarial Networks",
        _pix2pix,
        max_epochs=20,
        batch_size=32,
        learning_rate=1e-3,
        patience=None,
        data="glyphs-edges",
        binarize=None,
        steps=(("paired", {"task": "edges", "keep": True}),),
    ),
    Recipe(
        "cyclegan",
        "images of one domain to another, learned without pairs: what goes there must come back",
        "Zhu et al., 2017, Unpaired Image-to-Image Translation Using Cycle-Consistent Adversarial Networks",
        _cyclegan,
        max_epochs=20,
        batch_size=16,
        learning_rate=1e-3,
        schedule="cosine",
        patience=None,
        data="glyphs-upright+glyphs-italic",
        binarize=None,
        reads_domains=True,
    ),
)
