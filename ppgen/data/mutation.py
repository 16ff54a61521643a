"""Data some of whose values are redrawn at random: what a background model of outlier detection is trained on."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ppgen.arguments import finite_number
from ppgen.checked import checked
from ppgen.data.conditioning import derived, refuse_domains
from ppgen.data.dataset import Dataset, main_site
from ppgen.data.splitting import check_seed

__all__ = ["mutated", "values_of"]

_ROWS = 2000  # of the training split, whose values are those that there are


@checked
def mutated(dataset: Dataset, rate: float = 0.1, *, seed: int = 0) -> Dataset:
    """Redraw each value of the main site with probability ``rate``, uniformly from the values that there are.

    A model of such data knows how often each value occurs, and little of what the values together show: a background
    for :class:`ppgen.evaluation.LikelihoodRatio`. The values that there are, of pixels their levels, are those of the
    training split. Train and valid split are redrawn, once, with ``seed``; the test split stays as it is.

    Reference: J. Ren et al., "Likelihood ratios for out-of-distribution detection", 2019, section 3 (arXiv 1906.02845),
    who draw new mutations for each batch.

    Args:
        dataset: of any kind; images, sequences of tokens, tables.
        rate: the share of values that are redrawn, some of them to what they were.
        seed: of where, and to which value.

    Returns:
        The data set, whose runs can be loaded again where ``dataset``'s can.

    Raises:
        SettingError: for a rate outside of (0, 1), or unpaired domains.

    Example:
        >>> import ppgen
        >>> digits = ppgen.data.load("digits")
        >>> changed = mutated(digits, 0.2).split("train")["x"] != digits.split("train")["x"]
        >>> 0.09 < float(changed.float().mean()) < 0.11  # half of 0.2: one of two levels is the old one
        True
    """
    check_seed(seed)
    refuse_domains(dataset, "mutated")
    finite_number("mutated: rate", rate, above=0.0, below=1.0, suggested=0.1)
    generator = torch.Generator().manual_seed(seed)
    main = main_site(dataset.splits["train"])
    known = values_of(dataset.splits["train"][main])
    splits = {
        split: {**stored, main: stored[main] if split == "test" else _mutated(stored[main], known, rate, generator)}
        for split, stored in dataset.splits.items()
    }
    told = derived(dataset, "mutated", {"rate": rate, "seed": seed}, splits=splits)
    return dataclasses.replace(told, protocol=f"{dataset.protocol}; {100 * rate:g} % of values redrawn, seed {seed}")


def values_of(values: Tensor) -> Tensor:
    """The values that occur in a column, rising; of many rows, in the first two thousand.

    Args:
        values: [N, ...].

    Example:
        >>> values_of(torch.tensor([[0.0, 1.0], [1.0, 0.5]]))
        tensor([0.0000, 0.5000, 1.0000])
    """
    return values[:_ROWS].unique()


def _mutated(values: Tensor, known: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    is_hit = torch.rand(values.shape, generator=generator).to(values.device) < rate
    drawn = torch.randint(len(known), values.shape, generator=generator).to(values.device)
    return torch.where(is_hit, known[drawn], values)
