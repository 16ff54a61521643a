"""Named recipes, data to (model, guide, objective): what the command line, the demo and the benchmarks run.

```python
model, guide, objective = ppgen.zoo.build("vae", "digits", latent_dim=16)
fit = ppgen.fit(model, guide, "digits", objective, **ppgen.zoo.recipe("vae").settings())
```
Importing this module costs no import of torch.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ppgen.errors import SettingError

if TYPE_CHECKING:
    from torch import nn

    from ppgen.data import Dataset
    from ppgen.objectives import Objective

__all__ = ["Ingredients", "Recipe", "build", "names", "recipe"]


class Ingredients(NamedTuple):
    """What a fit is made of, besides the data: ``ppgen.fit(model, guide, data, objective)``."""

    model: nn.Module
    guide: nn.Module | None
    objective: Objective | None


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One model family, ready to be fitted.

    Args:
        name: what ``ppgen fit`` calls it.
        summary: one line for ``ppgen list models``.
        paper: where the idea comes from (authors, year, title).
        build: data set and settings to the ingredients; its keyword arguments are what may be set.
        max_epochs: passes over the training data.
        batch_size: data points a step.
        learning_rate: Adam's step size.
        schedule: its course, ``"constant"`` or ``"cosine"``.
        patience: epochs without a better validation loss before the fit stops; ``None`` for no early stop.
        quick: the settings that ``ppgen demo --quick`` uses instead.
        data: the data set that the settings were chosen on.
    """

    name: str
    summary: str
    paper: str
    build: Callable[..., Ingredients]
    max_epochs: int
    batch_size: int = 64
    learning_rate: float = 3e-3
    schedule: str = "constant"
    patience: int | None = 10
    quick: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    data: str = "digits"

    def settings(self, quick: bool = False) -> dict[str, Any]:
        """Keyword arguments of ``ppgen.fit``.

        Example:
            >>> sorted(recipe("vae").settings())
            ['batch_size', 'learning_rate', 'max_epochs', 'patience', 'schedule']
        """
        chosen = {
            name: getattr(self, name) for name in ("max_epochs", "batch_size", "learning_rate", "schedule", "patience")
        }
        return chosen | (dict(self.quick) if quick else {})

    @property
    def options(self) -> dict[str, Any]:
        """What :func:`build` lets you set, with the defaults."""
        parameters = list(inspect.signature(self.build).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in parameters}


def names() -> tuple[str, ...]:
    """The recipes there are.

    Example:
        >>> names()
        ('autoencoder', 'vae', 'beta-vae', 'cvae', 'pixelcnn', 'gan')
    """
    return tuple(_RECIPES)


def recipe(name: str) -> Recipe:
    """The recipe called ``name``.

    Raises:
        SettingError: if there is none; the text proposes the nearest.

    Example:
        >>> recipe("beta-vae").paper
        'Higgins et al., 2017, beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework'
    """
    if name in _RECIPES:
        return _RECIPES[name]
    near = difflib.get_close_matches(str(name).lower().replace("_", "-"), _RECIPES, n=1)
    raise SettingError(
        f"unknown model {name!r}",
        expected=f"one of {', '.join(_RECIPES)}; or FILE.py:Class for a model of your own",
        got=repr(name),
        fix=f"did you mean {near[0]!r}?" if near else "ppgen list models",
    )


def build(name: str, data: Any = None, *, seed: int = 0, **options: Any) -> Ingredients:
    """Build a recipe's model, guide and objective for a data set.

    Args:
        name: one of :func:`names`.
        data: whatever ``ppgen.fit`` takes as data; the recipe's own data set by default.
        seed: of the initial weights; the global random state is left as it was.
        **options: settings of the recipe, such as ``latent_dim=16``; see :attr:`Recipe.options`.

    Returns:
        The ingredients; the same seed gives the same initial weights, bit for bit.

    Raises:
        SettingError: if the recipe or an option is unknown.

    Example:
        >>> model, guide, objective = build("vae", "digits", latent_dim=4)
        >>> objective.name
        'ELBO()'
    """
    import torch

    from ppgen.data import as_dataset

    chosen = recipe(name)
    for option, value in options.items():
        if option not in chosen.options:
            near = difflib.get_close_matches(option, chosen.options, n=1)
            raise SettingError(
                f"{name} has no option {option!r}",
                expected=", ".join(f"{key}={value!r}" for key, value in chosen.options.items()) or "no options",
                got=f"{option}={value!r}",
                fix=f"did you mean {near[0]!r}?" if near else f"leave {option} out",
            )
    dataset = as_dataset(chosen.data if data is None else data)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return chosen.build(dataset, **options)


def _autoencoder(data: Dataset, latent_dim: int = 8, weight_decay: float = 0.0) -> Ingredients:
    from ppgen import guides, models, objectives

    model = models.Autoencoder(data.x_shape, latent_dim=latent_dim)
    return Ingredients(model, guides.Delta(model), objectives.ELBO(beta=weight_decay))


def _vae(data: Dataset, latent_dim: int = 8, beta: float = 1.0, warmup: float = 0.0) -> Ingredients:
    from ppgen import guides, models, objectives

    model = models.VAE(data.x_shape, latent_dim=latent_dim)
    return Ingredients(model, guides.MeanField(model), objectives.ELBO(beta=beta, warmup=warmup))


def _beta_vae(data: Dataset, latent_dim: int = 8, beta: float = 2.0, warmup: float = 0.0) -> Ingredients:
    return _vae(data, latent_dim=latent_dim, beta=beta, warmup=warmup)


def _cvae(data: Dataset, latent_dim: int = 8, beta: float = 1.0, warmup: float = 0.0) -> Ingredients:
    from ppgen import guides, models, objectives

    if "y" not in data.num_classes:
        raise SettingError(
            f"cvae: {data.name} has no class labels",
            expected="an integer covariate y beside x",
            got=", ".join(data.keys),
            fix='data={"x": x, "y": y}, or the recipe vae, which needs no labels',
        )
    model = models.ConditionalVAE(data.x_shape, num_classes=data.num_classes["y"], latent_dim=latent_dim)
    return Ingredients(model, guides.MeanField(model), objectives.ELBO(beta=beta, warmup=warmup))


def _pixelcnn(data: Dataset, hidden: int = 12, num_layers: int = 4) -> Ingredients:
    from ppgen import models, objectives

    return Ingredients(
        models.PixelCNN(data.x_shape, hidden=hidden, num_layers=num_layers), None, objectives.MaximumLikelihood()
    )


def _gan(data: Dataset, latent_dim: int = 32, loss: str = "nonsaturating") -> Ingredients:
    from ppgen import models, objectives

    return Ingredients(models.GAN(data.x_shape, latent_dim=latent_dim), None, objectives.Adversarial(loss=loss))


_RECIPES = {
    chosen.name: chosen
    for chosen in (
        Recipe(
            "autoencoder",
            "deterministic code and squared error: the point guide of a Gaussian decoder",
            "Hinton & Salakhutdinov, 2006, Reducing the Dimensionality of Data with Neural Networks",
            _autoencoder,
            max_epochs=60,
            quick={"max_epochs": 20},
        ),
        Recipe(
            "vae",
            "latent-variable model with a learned posterior; its density has a lower bound",
            "Kingma & Welling, 2014, Auto-Encoding Variational Bayes",
            _vae,
            max_epochs=60,
            quick={"max_epochs": 20},
        ),
        Recipe(
            "beta-vae",
            "the same VAE under ELBO(beta=2): a shorter code, a looser bound",
            "Higgins et al., 2017, beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
            _beta_vae,
            max_epochs=60,
            quick={"max_epochs": 20},
        ),
        Recipe(
            "cvae",
            "VAE that is told the class: p(x | y), samples on demand",
            "Sohn, Lee & Yan, 2015, Learning Structured Output Representation Using Deep Conditional Generative Models",
            _cvae,
            max_epochs=60,
            quick={"max_epochs": 20},
        ),
        Recipe(
            "pixelcnn",
            "one pixel after the other, by masked convolutions; its density is exact",
            "van den Oord et al., 2016, Conditional Image Generation with PixelCNN Decoders",
            _pixelcnn,
            max_epochs=40,
            learning_rate=5e-3,
            schedule="cosine",
            patience=8,
            quick={"max_epochs": 10},
        ),
        Recipe(
            "gan",
            "a sampler without a density, trained against a critic",
            "Goodfellow et al., 2014, Generative Adversarial Nets",
            _gan,
            max_epochs=60,
            batch_size=32,
            learning_rate=1e-3,
            patience=None,
            quick={"max_epochs": 20},
        ),
    )
}
