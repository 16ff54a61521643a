"""Domains: columns whose rows belong to nobody else's, and how batches are drawn from several of them at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.data.transforms import Transform

__all__ = ["Together", "draw_orders", "joined", "name_in"]


def name_in(domain: str, column: str) -> str:
    """The name that a domain's column has beside those of other domains.

    Args:
        domain: its name.
        column: the column's name within the domain.

    Example:
        >>> [name_in("horses", column) for column in ("x", "x_lengths", "y")]
        ['horses', 'horses_lengths', 'horses_y']
    """
    main, _, rest = column.partition("_")
    return "_".join([domain, rest] if main == "x" and rest else [domain] if column == "x" else [domain, column])


def joined(by_domain: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """All domains' columns under the names that they have beside each other.

    Args:
        by_domain: tensors [N_domain, ...] by column, by domain.
    """
    return {name_in(domain, key): t for domain, columns in by_domain.items() for key, t in columns.items()}


def draw_orders(sizes: Mapping[str, int], generator: torch.Generator) -> dict[str, Tensor]:
    """An order of rows for each domain, all as long as the longest domain.

    Each domain has permutations of its own: the longest is gone through once, a shorter one starts anew with a new
    permutation as often as needed. So each of m rows comes floor(n / m) or ceil(n / m) times, where n is the longest.

    Args:
        sizes: rows of each domain.
        generator: of the permutations.

    Returns:
        Row numbers [n] by domain, on the CPU.

    Example:
        >>> orders = draw_orders({"horses": 5, "zebras": 2}, torch.Generator().manual_seed(0))
        >>> orders["horses"].bincount().tolist(), sorted(orders["zebras"].bincount().tolist())
        ([1, 1, 1, 1, 1], [2, 3])
    """
    longest = max(sizes.values())
    return {
        domain: torch.cat([torch.randperm(size, generator=generator) for _ in range(0, longest, size)])[:longest]
        if size
        else torch.empty(0, dtype=torch.int64)
        for domain, size in sizes.items()
    }


@dataclasses.dataclass(frozen=True)
class Together:
    """The transforms of several domains as one map of minibatches, each domain seeing its own columns only.

    Args:
        transforms: by domain; ``None`` where a domain is seen as it is stored.
        columns: the stored columns of each domain, by the names that they have within it.
    """

    transforms: Mapping[str, Transform | Together | None]
    columns: Mapping[str, tuple[str, ...]]

    @property
    def adds(self) -> tuple[str, ...]:
        """The columns that come with the transforms."""
        return tuple(name_in(domain, key) for domain, each in self.transforms.items() if each for key in each.adds)

    @property
    def random(self) -> bool:
        """Whether two calls may differ."""
        return any(each is not None and each.random for each in self.transforms.values())

    def __call__(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Map a stored minibatch, one domain after the other.

        Args:
            batch: stored tensors, each [B, ...].
            generator: of the noise.
        """
        seen: dict[str, Mapping[str, Tensor]] = {}
        for domain, each in self.transforms.items():
            names = {key: name_in(domain, key) for key in self.columns[domain]}
            own = {key: batch[name] for key, name in names.items() if name in batch}
            seen[domain] = own if each is None else each(own, generator)
        return joined(seen)
