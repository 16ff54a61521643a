"""Few labels: a data set whose training rows are mostly unlabelled."""

from __future__ import annotations

import torch

from ppgen.data.dataset import Dataset
from ppgen.data.splits import check_seed
from ppgen.data.steps import derived
from ppgen.declare.batch import MISSING
from ppgen.errors import SettingError

__all__ = ["partial_labels"]


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
        Dataset 'digits': x [1, 8, 8], binary (static bits, seed 0)
          train 1077, valid 360, test 360
          y: integer, 10 classes, 100 of 1077 training rows observed
    """
    check_seed(seed)
    if key not in dataset.num_classes:
        raise SettingError(
            f"{dataset.name}: there are no labels {key!r} to keep",
            expected=f"one of {', '.join(dataset.num_classes)}" if dataset.num_classes else "a column of labels",
            got=", ".join(dataset.keys),
            fix=f"key={next(iter(dataset.num_classes))!r}" if dataset.num_classes else 'data={"x": x, "y": labels}',
        )
    labels = dataset.splits["train"][key]
    classes = range(dataset.num_classes[key])
    fewest = min(int((labels == value).sum()) for value in classes)
    if not isinstance(per_class, int) or isinstance(per_class, bool) or not 1 <= per_class <= fewest:
        raise SettingError(
            f"{dataset.name}: per_class is out of range",
            expected=f"a whole number from 1 to {fewest}, the rows of the rarest class of {key}",
            got=repr(per_class),
            fix=f"per_class={min(10, fewest)}",
        )
    generator = torch.Generator().manual_seed(seed)
    kept = torch.full_like(labels, MISSING)
    for value in classes:
        rows = (labels == value).nonzero().flatten()
        chosen = rows[torch.randperm(len(rows), generator=generator)[:per_class].to(rows.device)]
        kept[chosen] = value
    splits = {**dataset.splits, "train": {**dataset.splits["train"], key: kept}}
    return derived(dataset, "partial_labels", {"per_class": per_class, "seed": seed, "key": key}, splits=splits)
