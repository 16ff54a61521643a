"""Named recipes, data to (model, guide, objective): what the command line, the demo and the benchmarks run.

```python
data = ppgen.zoo.dataset("vae", "digits")
model, guide, objective = ppgen.zoo.build("vae", data, latent_dim=16)
fit = ppgen.fit(model, data, guide=guide, objective=objective, **ppgen.zoo.recipe("vae").settings())
```
Importing this module costs no import of torch.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ppgen.errors import SettingError
from ppgen.zoo.adversarial_families import ADVERSARIAL_FAMILIES
from ppgen.zoo.autoregressive_families import AUTOREGRESSIVE_FAMILIES
from ppgen.zoo.belief_networks import BELIEF_NETWORKS
from ppgen.zoo.classics import CLASSICS
from ppgen.zoo.code_families import CODE_FAMILIES
from ppgen.zoo.image_translation import IMAGE_TRANSLATION
from ppgen.zoo.latent_families import LATENT_FAMILIES
from ppgen.zoo.likelihood_choice import families_for, likelihood_for, said
from ppgen.zoo.other_kinds import OTHER_KINDS
from ppgen.zoo.recipe import BuiltRecipe, Recipe
from ppgen.zoo.transformers import TRANSFORMERS

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = [
    "BuiltRecipe",
    "Recipe",
    "build",
    "dataset",
    "demo_names",
    "families_for",
    "likelihood_for",
    "names",
    "recipe",
    "said",
    "steps",
]

_RECIPES = {
    chosen.name: chosen
    for chosen in (
        *CLASSICS,
        *AUTOREGRESSIVE_FAMILIES,
        *BELIEF_NETWORKS,
        *LATENT_FAMILIES,
        *CODE_FAMILIES,
        *OTHER_KINDS,
        *TRANSFORMERS,
        *ADVERSARIAL_FAMILIES,
        *IMAGE_TRANSLATION,
    )
}


def names() -> tuple[str, ...]:
    """The recipes there are.

    Example:
        >>> "semi-supervised" in names()
        True
    """
    return tuple(_RECIPES)


def demo_names() -> tuple[str, ...]:
    """The recipes that ``ppgen demo`` fits and compares.

    Example:
        >>> demo_names()
        ('autoencoder', 'vae', 'beta-vae', 'cvae', 'gated-pixelcnn', 'gan')
    """
    return tuple(chosen.name for chosen in CLASSICS if chosen.name in _RECIPES)


def recipe(name: str) -> Recipe:
    """The recipe called ``name``.

    Raises:
        SettingError: if there is none; the text proposes the nearest.

    Example:
        >>> recipe("beta-vae").paper
        'Higgins et al., 2017, beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework'
    """
    if isinstance(name, str) and name in _RECIPES:
        return _RECIPES[name]
    near = difflib.get_close_matches(str(name).lower().replace("_", "-"), _RECIPES, n=1)
    raise SettingError(
        f"unknown model {name!r}",
        expected=f"one of {', '.join(_RECIPES)}; or FILE.py:Class for a model of your own",
        got=repr(name),
        fix=f"did you mean {near[0]!r}?" if near else "ppgen list models",
        code="S122",
    )


def dataset(name: str, data: Any = None) -> Dataset:
    """The data set that a recipe is fitted to.

    A data set given by its name gets what the recipe asks for: a semi-supervised model 10 labels a class, a model of
    partly seen images their bottom left quadrant. Files and tensors take the form that :func:`ppgen.data.usual_form`
    gives them; a :class:`ppgen.data.Dataset` is taken as it is.

    Args:
        name: one of :func:`names`.
        data: whatever ``ppgen.fit`` takes as data; the recipe's own data set by default.

    Example:
        >>> print(dataset("semi-supervised"))
        Dataset 'digits': x [1, 8, 8], image, binary (static bits, seed 0)
          train 1077, valid 360, test 360
          y: categorical, 10 classes, 100 of 1077 training rows observed
    """
    from ppgen.data import Dataset, as_dataset, load, usual_form

    chosen = recipe(name)
    source = chosen.data if data is None else data
    if isinstance(source, str | os.PathLike):
        return load(source, binarize=chosen.binarize, steps=steps(chosen))
    return source if isinstance(source, Dataset) else usual_form(as_dataset(source))


def steps(chosen: Recipe) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """What is done to a data set of a name or path before a recipe is fitted to it: its usual form comes first.

    Args:
        chosen: the recipe.
    """
    return (("usual_form", {}), *chosen.steps)


def build(name: str, data: Any = None, *, seed: int = 0, **options: Any) -> BuiltRecipe:
    """Build a recipe's model, guide and objective for a data set.

    Args:
        name: one of :func:`names`.
        data: whatever ``ppgen.fit`` takes as data; the recipe's own data set by default.
        seed: of the initial weights; the global random state is left as it was.
        **options: settings of the recipe, such as ``latent_dim=16``; see :attr:`Recipe.options`.

    Returns:
        The ingredients; the same seed gives the same initial weights, bit for bit.

    Raises:
        SettingError: if the recipe or an option is unknown, and for unpaired domains where the recipe reads one ``x``.

    Example:
        >>> model, guide, objective = build("vae", "digits", latent_dim=4)
        >>> objective.name
        'ELBO()'
    """
    import torch

    from ppgen.arguments import whole_number

    whole_number("build: seed", seed, at_least=0, at_most=2**63 - 1)
    chosen = recipe(name)
    for option, value in options.items():
        if option not in chosen.options:
            near = difflib.get_close_matches(option, chosen.options, n=1)
            having = [each.name for each in _RECIPES.values() if option in each.options]
            away = f"leave {option} out" + (
                f", or one of the recipes that have it: {', '.join(having)}" if having else ""
            )
            raise SettingError(
                f"{name} has no option {option!r}",
                expected=", ".join(f"{key}={value!r}" for key, value in chosen.options.items()) or "no options",
                got=f"{option}={value!r}",
                fix=f"did you mean {near[0]!r}?" if near else away,
                code="S123",
            )
    fitted = dataset(name, data)
    if not chosen.reads_domains:
        _refuse_domains(name, fitted)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return chosen.build(fitted, **options)


def _refuse_domains(name: str, data: Dataset) -> None:
    """Unpaired domains have no ``x``; what reads one of them as if it were ``x`` would fit half of the data unsaid."""
    if data.domains:
        first, *_ = data.domains
        raise SettingError(
            f"{name}: {data.name} holds unpaired domains, and the recipe is of one x",
            expected="data with a column x",
            got=f"the unpaired domains {', '.join(data.domains)}",
            fix=f"one of them by itself, data.domains[{first!r}]; or a model of your own that observes "
            f"{' and '.join(data.domains)}",
            code="S199",
        )
