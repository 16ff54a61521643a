"""The likelihood that a column asks for by its kind and measure, and what was decided in one line."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ppgen.errors import SettingError

if TYPE_CHECKING:
    from torch import Tensor

    from ppgen.data import Column, Dataset
    from ppgen.nets import Likelihood

__all__ = [
    "explained_column",
    "families_for",
    "likelihood_for",
    "own_steps",
    "pixel_likelihood_for",
    "position_likelihood_for",
    "said",
    "step_likelihood_for",
    "table_likelihoods",
]

_INSTEAD = {"discretized-logistic": 'binarize="static" for a Bernoulli'}
"""What a user may want instead of a default, which another form of the data gives."""

_FITTED = {"crop": "cropped", "resize": "resized"}  # in the order in which they are done


def families_for(column: Column) -> tuple[str, ...]:
    """The likelihoods that a column can have, the default first.

    Args:
        column: of a data set.

    Example:
        >>> import ppgen
        >>> families_for(ppgen.data.load("digits", binarize=None).columns["x"])
        ('discretized-logistic', 'categorical', 'continuous-bernoulli')
    """
    if column.kind == "categorical" or (column.kind == "binary" and column.missing is not None):  # labels
        return ("categorical",)
    if column.measure == "binary":
        return ("bernoulli",)
    # A density of values that come again and again has no upper bound, unless the family has no scale.
    in_unit = ("continuous-bernoulli",) if column.measure == "unit interval" or column.white == 1.0 else ()
    if column.levels is not None:
        return ("discretized-logistic", "categorical", *in_unit)
    return ("negative-binomial",) if column.kind == "count" else ("gaussian", *in_unit)


def explained_column(data: Dataset, name: str) -> Column:
    """The column ``x`` that a recipe of one site explains.

    Args:
        data: the data set.
        name: of the recipe.

    Raises:
        SettingError: if there is none, or its sequences have lengths; the text names the recipe for such data.
    """
    if "x" in data.columns and data.columns["x"].lengths is None:
        return data.columns["x"]
    is_table = "x" not in data.columns
    raise SettingError(
        f"{name}: {data.name} "
        + ("is a table, and has no column x" if is_table else "holds sequences of many lengths"),
        expected="one column x, with covariates beside it" if is_table else "x of one shape for every row",
        got=", ".join(f"{key} ({column})" for key, column in data.columns.items()),
        fix="the recipe table, which explains every column"
        if is_table
        else "the recipe deep-markov, which reads each sequence to its end",
        code="S169",
    )


def likelihood_for(data: Dataset, name: str = "vae", family: str | None = None) -> Likelihood:
    """The likelihood of ``x``, begun in the units of the training data.

    Binary values get a Bernoulli; pixels of 8 bits, and other levels of grey, a discretized logistic; classes a
    categorical, counts a negative binomial, and real numbers a Gaussian; each with a scale that is learned.

    Args:
        data: the data set.
        name: of the recipe, for error texts.
        family: another one of :func:`families_for`.

    Raises:
        SettingError: for a family that the values of ``x`` are outside of.

    Example:
        >>> import ppgen
        >>> likelihood_for(ppgen.data.load("digits", binarize=None)).family
        'discretized-logistic'
    """
    column = explained_column(data, name)
    return _begun(column, _verified(column, family, data.name), data)


def step_likelihood_for(data: Dataset, name: str, family: str | None = None) -> Likelihood:
    """The likelihood of one step of the sequences ``x``, begun in the units of the steps that are their own.

    Args:
        data: of sequences [N, T, D].
        name: of the recipe, for error texts.
        family: another than the column's own.

    Raises:
        SettingError: if the data are no sequences of vectors.
    """
    column = data.columns.get("x")
    if column is None or len(column.event_shape) != 2:
        raise SettingError(
            f"{name}: {data.name} holds no sequences of vectors",
            expected="x of shape [N, T, D], with x_lengths [N] where they differ in length",
            got=", ".join(f"{key} {list(each.event_shape)}" for key, each in data.columns.items()),
            fix="x.unsqueeze(-1) makes vectors of numbers; the recipe vae takes images and rows",
            code="S170",
        )
    step = dataclasses.replace(column, event_shape=column.event_shape[1:])
    return _begun(step, _verified(step, family, data.name), data, column.lengths)


def pixel_families_for(column: Column) -> tuple[str, ...]:
    """The likelihoods that one pixel of a column can have: on levels, first those that may have many peaks.

    Args:
        column: of images.
    """
    known = families_for(column)
    if known[0] != "discretized-logistic":
        return known
    return ("categorical", "mixture", *(each for each in known if each != "categorical"))


def pixel_likelihood_for(
    data: Dataset, name: str, family: str | None = None, preferred: str = "categorical"
) -> Likelihood:
    """The likelihood of one pixel given those before it: on levels of grey a categorical, which may have many peaks.

    Args:
        data: of images.
        name: of the recipe, for error texts.
        family: another one, such as ``"mixture"``.
        preferred: what the recipe takes by default where the data allow it.

    Raises:
        SettingError: if the data are no images.
    """
    column = explained_column(data, name)
    if len(column.event_shape) != 3:
        raise SettingError(
            f"{name}: {data.name} holds no images",
            expected="x of shape [N, channels, height, width]",
            got=str(list(column.event_shape)),
            fix="the recipe made or vae, which takes rows of numbers too",
            code="S171",
        )
    return position_likelihood_for(data, name, family, preferred)


def position_likelihood_for(
    data: Dataset, name: str, family: str | None = None, preferred: str = "categorical"
) -> Likelihood:
    """The likelihood of one pixel of an image, or of one number of a vector, given those before it.

    Args:
        data: of images or vectors.
        name: of the recipe, for error texts.
        family: another one, such as ``"mixture"``.
        preferred: what the recipe takes by default where the data allow it.
    """
    column = explained_column(data, name)
    known = pixel_families_for(column)
    default = preferred if preferred in known else known[0]
    one = dataclasses.replace(column, event_shape=column.event_shape[:-2] or (1,))
    return _made(one, _verified(column, family or default, data.name, known))


def table_likelihoods(data: Dataset) -> dict[str, Likelihood]:
    """The likelihood of every column of a table, each begun in its own units.

    Args:
        data: a table.
    """
    return {name: _begun(column, families_for(column)[0], data) for name, column in data.columns.items()}


def _begun(column: Column, family: str, data: Dataset, lengths: str | None = None) -> Likelihood:
    """A likelihood in the units of the training data; of sequences, of the steps that are their own."""
    from ppgen import nets

    made = _made(column, family)
    if type(made).start_at is not nets.Likelihood.start_at:  # else nobody looks at the rows
        train = data.split("train")
        x = train[column.name]
        if x.dim() > len(column.event_shape) + 1:
            x = own_steps(x, train[lengths] if lengths else None)
        made.start_at(x)
    return made


def own_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """The steps [M, D] of sequences [N, T, D], without what stands behind their ends.

    Args:
        x: sequences.
        lengths: of each, [N]; ``None`` where all steps are their own.
    """
    import torch

    return x.flatten(0, 1) if lengths is None else x[torch.arange(x.shape[1]) < lengths.unsqueeze(-1)]


def said(data: Dataset, model: Any) -> list[str]:
    """What was decided for each column that a model explains, a line each, with what to ask for instead.

    Args:
        data: the data set.
        model: of a recipe; one that was given no likelihood decided nothing.

    Example:
        >>> import ppgen
        >>> data = ppgen.data.load("digits", binarize=None)
        >>> print(*said(data, ppgen.zoo.build("vae", data).model))
        grey 8x8, 17 levels -> discretized logistic; binarize="static" for a Bernoulli
    """
    made = getattr(model, "constructor_arguments", {})
    chosen = made.get("likelihoods") or {"x": made.get("likelihood")}
    fitted = ", ".join(f"{how} to {data.spec[key]}" for key, how in _FITTED.items() if data.spec.get(key) is not None)
    return [_line(data.columns[name], each, fitted) for name, each in chosen.items() if each is not None]


def _line(column: Column, likelihood: Likelihood, fitted: str) -> str:
    others = [f'likelihood="{family}"' for family in families_for(column) if family != likelihood.family]
    instead = _INSTEAD.get(likelihood.family) or (f"or {' or '.join(others)}" if others else "")
    name = "" if column.name == "x" else f"{column.name}: "
    cut = f" ({fitted})" if fitted and column.kind == "image" else ""
    return f"{name}{_in_words(column)}{cut} -> {likelihood}" + (f"; {instead}" if instead else "")


def _in_words(column: Column) -> str:
    values = {"8-bit": "8-bit"}.get(column.measure, f"{column.levels} levels" if column.levels else column.measure)
    shape = " " * bool(column.event_shape) + "x".join(map(str, column.event_shape))
    if column.kind == "image":
        channels, *sides = column.event_shape
        size = "x".join(map(str, sides))
        colour = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
        colour = "black and white" if channels == 1 and column.measure == "binary" else colour
        return f"{values} {colour} {size}" if values == "8-bit" else f"{colour} {size}, {values}"
    if column.kind == "categorical":
        return f"{column.num_classes} classes{shape}"
    return f"{column.kind}{shape}" if column.kind in ("binary", "count") else f"{column.kind}{shape}, {values}"


def _verified(column: Column, family: str | None, name: str, known: tuple[str, ...] = ()) -> str:
    known = known or families_for(column)
    if family is None:
        return known[0]
    if family in known:
        return family
    wants_bits, wants_noise = family == "bernoulli", family == "gaussian" and column.levels is not None
    raise SettingError(
        f"{name}: {family} is no likelihood of x",
        expected=f"{' or '.join(known)}, since x is {_in_words(column)}",
        got=f'likelihood="{family}"',
        fix='binarize="static"'
        if wants_bits and column.levels is not None
        else "dequantize=True"
        if wants_noise
        else f'likelihood="{known[0]}"',
        code="S172",
    )


def _made(column: Column, family: str) -> Any:
    from ppgen import nets

    shape = column.event_shape
    makers = {
        "bernoulli": lambda: nets.BernoulliLikelihood(shape),
        "continuous-bernoulli": lambda: nets.ContinuousBernoulliLikelihood(shape),
        "discretized-logistic": lambda: nets.DiscretizedLogisticLikelihood(
            shape, column.levels or 2, column.white or 1.0
        ),
        "categorical": lambda: nets.CategoricalLikelihood(
            shape, column.levels or column.num_classes or 2, column.white
        ),
        "gaussian": lambda: nets.GaussianLikelihood(shape),
        "mixture": lambda: nets.LogisticMixtureLikelihood(shape, column.levels or 2, column.white or 1.0),
        "negative-binomial": lambda: nets.NegativeBinomialLikelihood(shape),
    }
    return makers[family]()
