"""A split that lives on the device, and gives minibatches without a worker process."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ppgen.data import Dataset, Transform

__all__ = ["Resident"]


class Resident:
    """The training split as device tensors, shuffled anew each epoch.

    Stored tensors stay as they are (uint8 images take a quarter of float's memory); a minibatch is one gather and one
    transform. Two generators make all randomness of the data: one for the order, one for the noise of random
    transforms. The last batch may be short; a single left-over row joins the batch before it, since batch
    normalisation has no answer for one row.

    Args:
        dataset: where the split comes from.
        split: its name.
        batch_size: rows of a minibatch.
        device: where the tensors live.
        seed: of both generators.
    """

    def __init__(self, dataset: Dataset, split: str, batch_size: int, device: torch.device, seed: int) -> None:
        self.tensors: dict[str, Tensor] = {key: t.to(device) for key, t in dataset.splits[split].items()}
        self.transform: Transform | None = dataset.transform
        self.size = dataset.size(split)
        self.batch_size = min(batch_size, self.size)
        self.device = device
        self.order = torch.Generator().manual_seed(seed)
        self.noise = torch.Generator(device).manual_seed(seed + 1)

    @property
    def num_batches(self) -> int:
        return len(self.bounds())

    def bounds(self) -> list[tuple[int, int]]:
        """First and last row (exclusive) of every minibatch of an epoch."""
        starts = list(range(0, self.size, self.batch_size))
        if len(starts) > 1 and self.size - starts[-1] == 1:
            starts.pop()
        return list(zip(starts, [*starts[1:], self.size], strict=True))

    def epoch(self, position: int = 0) -> Iterator[dict[str, Tensor]]:
        """The minibatches of one epoch in a new random order, from batch number ``position`` on."""
        order = torch.randperm(self.size, generator=self.order).to(self.device)
        for start, stop in self.bounds()[position:]:
            yield self.rows(order[start:stop])

    def rows(self, index: Tensor) -> dict[str, Tensor]:
        """The rows of an index, as a model sees them."""
        stored = {key: tensor.index_select(0, index) for key, tensor in self.tensors.items()}
        return stored if self.transform is None else self.transform(stored, self.noise)
