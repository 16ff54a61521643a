"""Unpaired data: domains of different lengths whose rows belong to nobody else's."""

from __future__ import annotations

import os
from typing import Any

from ppgen.checked import checked
from ppgen.data.dataset import Dataset
from ppgen.data.domains import Together, joined, name_in
from ppgen.data.loading import load
from ppgen.data.splitting import SPLITS
from ppgen.data.tensors import from_tensors
from ppgen.errors import DataError, SettingError

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
    made = {name: _as_domain(name, given, valid, test, seed) for name, given in domains.items()}
    if len(made) < 2:
        raise SettingError(
            "unpaired: at least two domains are needed",
            expected="unpaired(horses=..., zebras=...)",
            got=f"unpaired({', '.join(f'{name}=...' for name in made)})",
            fix="for one alone, ppgen.data.from_tensors, or hand it to ppgen.fit as it is",
            code="S045",
        )
    names = [name_in(name, key) for name, own in made.items() for key in own.splits["train"]]
    if twice := [name for name in names if names.count(name) > 1]:
        raise SettingError(
            f"unpaired: two columns would be called {twice[0]!r}",
            expected="x takes the name of its domain, any other column is called DOMAIN_COLUMN",
            got=", ".join(f"{name}: {', '.join(own.splits['train'])}" for name, own in made.items()),
            fix="another name for a domain or a column",
            code="S046",
        )
    if wrong := [name for name in made if not name.isidentifier()]:
        raise SettingError(
            f"unpaired: {wrong[0]!r} cannot name a site",
            expected="the name of a method or argument of the model",
            got=repr(wrong[0]),
            fix="unpaired(horses=..., zebras=...)",
            code="S047",
        )
    for split in SPLITS:
        _all_or_none(split, made)
    first = next(iter(made.values()))
    transforms = {name: own.transform for name, own in made.items()}
    stored = {name: tuple(own.splits["train"]) for name, own in made.items()}
    return Dataset(
        name="+".join(made),
        measure=first.measure,
        splits={split: joined({name: own.splits[split] for name, own in made.items()}) for split in SPLITS},
        transform=Together(transforms, stored) if any(transforms.values()) else None,
        num_classes={name_in(name, key): num for name, own in made.items() for key, num in own.num_classes.items()},
        protocol="unpaired: " + "; ".join(f"{name} {own.protocol}" for name, own in made.items()),
        categories={name_in(name, key): each for name, own in made.items() for key, each in own.categories.items()},
        domains=made,
    )


def _as_domain(name: str, given: Any, valid: float, test: float, seed: int) -> Dataset:
    if isinstance(given, str | os.PathLike):
        return load(given, seed=seed)
    made = given if isinstance(given, Dataset) else from_tensors(given, valid=valid, test=test, seed=seed, name=name)
    if made.domains:
        raise SettingError(
            f"unpaired: {name} is unpaired itself",
            expected="domains whose rows belong together",
            got=f"the domains {', '.join(made.domains)}",
            fix="name them side by side: unpaired(**first.domains, **second.domains)",
            code="S048",
        )
    return made


def _all_or_none(split: str, domains: dict[str, Dataset]) -> None:
    empty = [name for name, own in domains.items() if not own.size(split)]
    if empty and len(empty) < len(domains):
        raise DataError(
            f"unpaired: {empty[0]} has no rows in its {split} split, and others have",
            expected="rows of each domain in a split, or of none",
            got=", ".join(f"{own.size(split)} rows of {name}" for name, own in domains.items()),
            fix=f"{empty[0]}=ppgen.data.from_tensors({{...}}, {split}=0.1)",
            code="D043",
        )
