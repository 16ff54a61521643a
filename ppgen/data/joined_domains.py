"""Domains put together: several data sets whose rows were never paired, as one."""

from __future__ import annotations

from collections.abc import Mapping

from ppgen.data.dataset import Dataset
from ppgen.data.domains import Together, joined, name_in
from ppgen.data.splitting import SPLITS
from ppgen.errors import DataError, SettingError

__all__ = ["join_domains"]


def join_domains(made: Mapping[str, Dataset]) -> Dataset:
    """The data set that :func:`ppgen.data.unpaired` gives.

    Args:
        made: the domains by name.

    Raises:
        SettingError: for fewer than two domains, unpaired ones among them, or names that collide.
        DataError: for a domain that lacks a split which another has.
    """
    if inside := [name for name, own in made.items() if own.domains]:
        raise SettingError(
            f"unpaired: {inside[0]} is unpaired itself",
            expected="domains whose rows belong together",
            got=f"the domains {', '.join(made[inside[0]].domains)}",
            fix="name them side by side: unpaired(**first.domains, **second.domains)",
            code="S048",
        )
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


def _all_or_none(split: str, domains: Mapping[str, Dataset]) -> None:
    empty = [name for name, own in domains.items() if not own.size(split)]
    if empty and len(empty) < len(domains):
        raise DataError(
            f"unpaired: {empty[0]} has no rows in its {split} split, and others have",
            expected="rows of each domain in a split, or of none",
            got=", ".join(f"{own.size(split)} rows of {name}" for name, own in domains.items()),
            fix=f"{empty[0]}=ppgen.data.from_tensors({{...}}, {split}=0.1)",
            code="D043",
        )
