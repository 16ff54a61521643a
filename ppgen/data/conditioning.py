"""What is made of a data set: attributes or given quadrants to condition on, and few labels to learn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.data.column import Column
from ppgen.data.dataset import Dataset, main_site
from ppgen.data.domains import Together
from ppgen.data.splitting import check_seed
from ppgen.data.transforms import Beside, Transform
from ppgen.declare import MISSING
from ppgen.errors import SettingError

__all__ = ["Quadrants", "attributes", "derived", "partial_labels", "quadrants", "refuse_domains"]


def derived(dataset: Dataset, step: str, arguments: Mapping[str, Any], **changes: Any) -> Dataset:
    """The data set with changed fields, which remembers the step and what it was made from.

    Args:
        dataset: before the step.
        step: the function of ``ppgen.data`` that was called.
        arguments: its arguments besides the data set; plain data.
        **changes: fields of :class:`~ppgen.data.Dataset` after the step.
    """
    spec = dict(dataset.spec)
    if spec:  # a user's own tensors cannot be loaded again, whatever was done to them
        spec["steps"] = [*spec.get("steps", []), [step, dict(arguments)]]
    return dataclasses.replace(dataset, spec=spec, origin=dataset.origin or dataset, **changes)


def refuse_domains(dataset: Dataset, step: str) -> None:
    """Refuse unpaired domains: what is made of a data set is made of one of them.

    Args:
        dataset: before the step.
        step: the function of ``ppgen.data`` that was called.

    Raises:
        SettingError: with how it is taken of one.
    """
    if dataset.domains:
        raise SettingError(
            f"{dataset.name}: {step} is taken of one domain",
            expected="a data set whose rows belong together",
            got=f"the unpaired domains {', '.join(dataset.domains)}",
            fix=f"ppgen.data.unpaired({next(iter(dataset.domains))}=ppgen.data.{step}(...), ...)",
            code="S034",
        )


@checked
def attributes(dataset: Dataset, columns: Sequence[str], *, key: str = "y") -> Dataset:
    """Gather columns into one vector for each data point, the covariate ``y`` of a conditional model.

    A column of labels enters as one-hot classes (the factors of ``sprites``), any other as its numbers (the 40
    attributes of ``celeba``). ``ppgen.models.ConditionalVAE`` takes it, with the vector's length as ``num_classes``.
    Text, such as the ``caption`` of ``glyphs``, is taken alone, and stays the tokens and the vocabulary that it is:
    ``ppgen.nets.TextContext`` reads it.

    Args:
        dataset: with these columns.
        columns: their names.
        key: name of the new column; one of that name is replaced if it is among ``columns``, and labels of that name
            are called ``KEY_label`` from then on if they are not: ``["bold"]`` of ``glyphs`` leaves the characters in
            ``y_label``.

    Returns:
        The data set with ``key`` [N, A], floats, or of text [N, T], tokens; the columns themselves stay.

    Raises:
        SettingError: if a column does not exist, or holds images or missing labels; for text beside other columns.

    Example:
        >>> import ppgen
        >>> sprites = attributes(ppgen.data.load("sprites"), ["shape", "scale"])
        >>> sprites.split("test")["y"].shape
        torch.Size([1843, 7])
    """
    refuse_domains(dataset, "attributes")
    train = dataset.splits["train"]
    main = main_site(train)
    usable = [name for name, tensor in train.items() if name != main and tensor.dim() <= 2]
    wrong = [name for name in columns if name not in usable]
    if isinstance(columns, str) or not columns or wrong:
        raise SettingError(
            f"{dataset.name}: " + (f"{wrong[0]!r} is no column of factors" if wrong else "no columns are named"),
            expected=f"a list of some of {', '.join(usable)}" if usable else "a data set with labels or attributes",
            got=repr(columns),
            fix=f"columns={usable[:2]}" if usable else 'data={"x": x, "y": labels}',
            code="S035",
        )
    aside = f"{key}_label"
    moves = key in dataset.num_classes and key not in columns
    if (key in dataset.keys and key not in columns and not moves) or (moves and aside in dataset.keys):
        raise SettingError(
            f"{dataset.name}: it has a column {(aside if moves else key)!r} already",
            expected="a new name",
            got=repr(key),
            fix=f"key={key + '_vector'!r}, or name {key!r} among the columns",
            code="S036",
        )
    missing = [name for name in columns if name in dataset.num_classes and bool((train[name] < 0).any())]
    if missing:
        raise SettingError(
            f"{dataset.name}: {missing[0]!r} is missing in some rows, and what a model is told has to be known",
            expected="a value in every row",
            got="-1 where it is missing",
            fix="take the attributes of the data set with all labels",
            code="S037",
        )
    texts = [name for name in columns if dataset.columns[name].is_text]
    if texts and len(columns) > 1:
        raise SettingError(
            f"{dataset.name}: {texts[0]!r} is text, and is no part of a vector",
            expected="one column of text, or columns of labels and numbers",
            got=repr(columns),
            fix=f"columns={texts[:1]}",
            code="S235",
        )
    new, gather = aside if moves else "", _text if texts else _vector
    splits = {
        split: _renamed(stored, key, new) | gather(dataset, stored, columns, key)
        for split, stored in dataset.splits.items()
    }
    told = {"columns": list(columns), "key": key}
    others = {field: _renamed(getattr(dataset, field), key, new) for field in ("num_classes", "kinds", "categories")}
    if texts:
        others["kinds"][key], others["categories"][key] = "sequence", dataset.categories[texts[0]]
    return derived(dataset, "attributes", told, splits=splits, **others)


def _renamed(named: Mapping[str, Any], key: str, new: str) -> dict[str, Any]:
    """With ``key`` under its new name; without it, where that is empty."""
    return {new if name == key else name: value for name, value in named.items() if new or name != key}


def _text(dataset: Dataset, stored: Mapping[str, Tensor], columns: Sequence[str], key: str) -> dict[str, Tensor]:
    """Tokens and, where they are known, lengths."""
    lengths = dataset.columns[columns[0]].lengths
    return {key: stored[columns[0]]} | ({f"{key}_lengths": stored[lengths]} if lengths else {})


def _vector(dataset: Dataset, stored: Mapping[str, Tensor], columns: Sequence[str], key: str) -> dict[str, Tensor]:
    classes = dataset.num_classes
    parts = [one_hot(stored[name], classes[name]) if name in classes else stored[name] for name in columns]
    return {key: torch.cat([part.reshape(len(part), -1).to(torch.get_default_dtype()) for part in parts], 1)}


@checked
def partial_labels(dataset: Dataset, per_class: int = 10, seed: int = 0, *, key: str = "y") -> Dataset:
    """Keep the labels of ``per_class`` random training rows of each class; all other training rows say -1, missing.

    The rows themselves stay: they are the unlabelled data. Valid and test split keep their labels. Balanced over
    classes, as in D. Kingma et al., "Semi-supervised learning with deep generative models", 2014 (arXiv 1406.5298),
    section 4, where 100 labels of MNIST are 10 for each digit.

    Args:
        dataset: with labels; all of them stay known to its :attr:`~ppgen.data.Dataset.origin`.
        per_class: labels to keep of each class.
        seed: of the choice.
        key: the column of labels.

    Returns:
        The data set, whose runs can be loaded again where ``dataset``'s can.

    Raises:
        SettingError: if there are no such labels, or too few of a class.

    Example:
        >>> import ppgen
        >>> ppgen.data.partial_labels(ppgen.data.load("digits"), per_class=10)
        Dataset 'digits': x [1, 8, 8], image, binary (static bits, seed 0)
          train 1077, valid 360, test 360
          y: categorical, 10 classes, 100 of 1077 training rows observed
    """
    check_seed(seed)
    refuse_domains(dataset, "partial_labels")
    if key not in dataset.num_classes:
        raise SettingError(
            f"{dataset.name}: there are no labels {key!r} to keep",
            expected=f"one of {', '.join(dataset.num_classes)}" if dataset.num_classes else "a column of labels",
            got=", ".join(dataset.keys),
            fix=f"key={next(iter(dataset.num_classes))!r}" if dataset.num_classes else 'data={"x": x, "y": labels}',
            code="S038",
        )
    labels = dataset.splits["train"][key]
    classes = range(dataset.num_classes[key])
    fewest = min(int((labels == value).sum()) for value in classes)
    whole_number(f"{dataset.name}: per_class", per_class, at_most=fewest, suggested=min(10, fewest))
    generator = torch.Generator().manual_seed(seed)
    kept = torch.full_like(labels, MISSING)
    for value in classes:
        rows = (labels == value).nonzero().flatten()
        kept[rows[torch.randperm(len(rows), generator=generator)[:per_class].to(rows.device)]] = value
    splits = {**dataset.splits, "train": {**dataset.splits["train"], key: kept}}
    return derived(dataset, "partial_labels", {"per_class": per_class, "seed": seed, "key": key}, splits=splits)


@checked
def quadrants(dataset: Dataset, observed: int = 1) -> Dataset:
    """Add what is seen of each image as covariates ``given`` and ``mask``: 1, 2 or 3 of its four quadrants.

    One is the bottom left, two are the left half, three all but the top right: the structured prediction of K. Sohn,
    H. Lee and X. Yan, "Learning structured output representation using deep conditional generative models", 2015,
    section 5.1. ``ppgen.models.MaskedVAE`` explains the rest.

    Args:
        dataset: of images ``x`` [N, C, H, W].
        observed: how many quadrants are given.

    Returns:
        The data set, each batch of which has ``given`` (x where it is seen, else 0) and ``mask`` (1 where x is seen,
        else 0), both like x. Where bits are redrawn for each batch, so is what is given of them.

    Raises:
        SettingError: if the data are no images, have such columns already, or ``observed`` is not 1, 2 or 3.

    Example:
        >>> import ppgen
        >>> batch = quadrants(ppgen.data.load("digits"), observed=1).split("test")
        >>> batch["mask"][0, 0].int()[3:5]
        tensor([[0, 0, 0, 0, 0, 0, 0, 0],
                [1, 1, 1, 1, 0, 0, 0, 0]], dtype=torch.int32)
    """
    whole_number(f"{dataset.name}: observed", observed, at_most=3)
    refuse_domains(dataset, "quadrants")
    assert not isinstance(dataset.transform, Together)  # which is the transform of domains alone
    if len(dataset.x_shape) != 3 or min(dataset.x_shape[1:]) < 2:
        raise SettingError(
            f"{dataset.name}: only images have quadrants",
            expected="x of shape [channels, height, width], at least two pixels each way",
            got=str(list(dataset.x_shape)),
            fix="x = x.reshape(-1, channels, height, width)",
            code="S039",
        )
    taken = [name for name in ("given", "mask") if name in dataset.keys]
    if taken:
        raise SettingError(
            f"{dataset.name}: it has a column {taken[0]!r} already",
            expected="a data set without given and mask",
            got=", ".join(dataset.keys),
            fix="take the quadrants of the data set as it was loaded, once",
            code="S040",
        )
    transform = Quadrants(observed, dataset.transform, main_site(dataset.splits["train"]))
    return derived(dataset, "quadrants", {"observed": observed}, transform=transform)


@dataclasses.dataclass(frozen=True)
class Quadrants(Beside):
    """``given`` and ``mask`` beside an image, as it comes out of another transform.

    Args:
        observed: how many quadrants are seen.
        before: the transform of the image itself, or ``None``.
        key: the site.
    """

    adds = ("given", "mask")
    observed: int = 1
    before: Transform | None = None
    key: str = "x"

    def describe(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """``given`` is what the image is, and ``mask`` bits."""
        told, image = self.described_before(columns)
        mask = dataclasses.replace(image, name="mask", measure="binary", levels=None, white=None)
        return {**told, "given": dataclasses.replace(image, name="given"), "mask": mask}

    def covariates(self, values: Tensor) -> dict[str, Tensor]:
        """What is seen of images [..., C, H, W]."""
        height, width = values.shape[-2:]
        top, bottom = slice(None, height // 2), slice(height // 2, None)
        left, right = slice(None, width // 2), slice(width // 2, None)
        mask = torch.zeros_like(values)
        for rows, columns in [(bottom, left), (top, left), (bottom, right)][: self.observed]:
            mask[..., rows, columns] = 1.0
        return {"given": values * mask, "mask": mask}

    def __str__(self) -> str:
        return f"{self.observed} of 4 quadrants seen"
