"""Unpaired data: domains of different lengths whose rows belong to nobody else's."""

from __future__ import annotations

import os
from typing import Any

from ppgen.checked import checked
from ppgen.data.dataset import Dataset
from ppgen.data.joined_domains import join_domains
from ppgen.data.loading import load
from ppgen.data.tensors import from_tensors

__all__ = ["unpaired"]


@checked
def unpaired(*, valid: float = 0.1, test: float = 0.1, seed: int = 0, **domains: Any) -> Dataset:
    """A data set of several domains whose rows were never paired: photographs of horses, and others of zebras.

    A batch has a row of each domain in each place, ``{"horses": [B, ...], "zebras": [B, ...]}``, so that a model with
    two observed sites takes it as any other. Which rows meet is chance: each domain is drawn in permutations of its
    own, and an epoch goes over the longest, a shorter one starting anew with a new permutation. Nothing about a pair
    of rows can be learned or measured; a sum of terms that each read one domain can.

    A domain's column ``x`` takes the name of the domain, any other is called ``DOMAIN_COLUMN``: the labels of
    ``horses`` are ``horses_y``.

    Args:
        valid: fraction of each domain's rows for validation, where it has no split of its own.
        test: likewise, for the test.
        seed: of the splits; a domain is split as it would be by itself.
        **domains: two or more, each a :class:`~ppgen.data.Dataset`, a name, or whatever
            :func:`ppgen.data.from_tensors` takes.

    Returns:
        A data set as others are; ``size()`` is that of the longest domain, ``split()`` lets rows meet as training
        does, and ``data.domains["horses"]`` is one domain by itself.

    Raises:
        SettingError: for fewer than two domains, unpaired ones among them, or names that collide.
        DataError: for a domain that cannot be read, or that lacks a split which another has.

    Example:
        >>> import torch
        >>> unpaired(horses=torch.rand(100, 2), zebras=torch.randn(50, 3))
        Dataset 'horses+zebras': horses [2], real, unit interval (unpaired: horses as given; zebras as given)
          train (80 horses, 40 zebras), valid (10 horses, 5 zebras), test (10 horses, 5 zebras)
          zebras [3]: real, continuous
    """
    return join_domains({name: _as_domain(name, given, valid, test, seed) for name, given in domains.items()})


def _as_domain(name: str, given: Any, valid: float, test: float, seed: int) -> Dataset:
    if isinstance(given, str | os.PathLike):
        return load(given, seed=seed)
    if isinstance(given, Dataset):
        return given
    return from_tensors(given, valid=valid, test=test, seed=seed, name=name)
