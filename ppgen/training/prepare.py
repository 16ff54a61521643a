"""What the loop needs, from a pair and a data set: set up, checked, on the device, in minibatches."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ppgen.data import Dataset
from ppgen.declare import (
    ProgramModule,
    ProgramPart,
    chunks,
    explained,
    has_discrete_support,
    label_of,
    verify_once,
    verify_values,
    without_latents,
)
from ppgen.errors import DeclarationError
from ppgen.guides import DerivedGuide
from ppgen.objectives import Loss, Objective, Player, State, Step, TrainingPosition

__all__ = ["Minibatches", "Problem", "set_up", "to_device", "verify_fit", "verify_weights"]

_ROWS = 8192


@dataclasses.dataclass(frozen=True)
class Problem:
    """What training solves: an objective over what a fit owns, and the number of data points.

    Args:
        objective: gives the losses.
        state: of the fit.
        players: of the objective.
        size: number of data points in the training split.
    """

    objective: Objective
    state: State
    players: Sequence[Player]
    size: int

    def step(self, batch: Mapping[str, Tensor], position: TrainingPosition) -> Step:
        """A batch with what is scheduled for it.

        Args:
            batch: tensors [batch, ...] by site and covariate.
            position: where training stands.
        """
        return self.objective.step(self.state, batch, self.size, position)

    def loss(self, player: str, batch: Mapping[str, Tensor], position: TrainingPosition) -> Loss:
        """A player's loss on a batch.

        Args:
            player: its name.
            batch: tensors [batch, ...] by site and covariate.
            position: where training stands.
        """
        return self.objective.loss(self.state, player, self.step(batch, position))


def to_device(batch: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """A batch of tensors on a device.

    Args:
        batch: by site and covariate, [N, ...] each.
        device: where to.
    """
    return {key: value.to(device) for key, value in batch.items()}


def verify_weights(module: nn.Module) -> None:
    """Check that training begins with finite weights.

    Raises:
        DeclarationError: naming the first parameter that is not finite.
    """
    for name, parameter in module.named_parameters():
        if not is_lazy(parameter) and not bool(torch.isfinite(parameter).all()):
            raise DeclarationError(
                f"{label_of(module)}: parameter {name!r} is not finite before training begins",
                expected="finite initial weights",
                got=f"{int((~torch.isfinite(parameter)).sum())} of {parameter.numel()} values",
                fix="look at how the module is initialised, or at the file that its weights came from",
                code="M056",
            )


def set_up(model: ProgramModule, guide: ProgramModule | None, rows: Mapping[str, Tensor], device: torch.device) -> None:
    """Put the pair on the device, and make all parameters that wait to see data.

    Args:
        model: declared, or a hand-written program's.
        guide: likewise, or ``None``.
        rows: a few on the device that show every label, [N, ...] each.
        device: of the fit.

    Raises:
        DataError, DeclarationError: if the model cannot run on the data.
    """
    model.to(device)
    if guide is not None:
        guide.to(device)
        verify_weights(guide)
    if isinstance(guide, ProgramPart):
        guide.setup(rows)  # before the model, which may use parameters that the guide creates
    if isinstance(model, ProgramPart):
        model.setup(rows)
    if isinstance(guide, DerivedGuide):
        with explained(model, None, rows):
            guide.setup(without_latents(model, rows))


def verify_fit(
    model: ProgramModule, guide: ProgramModule | None, dataset: Dataset, rows: Mapping[str, Tensor]
) -> dict[str, Any]:
    """Check the pair on a few rows, and all rows of all splits.

    Args:
        model: set up.
        guide: likewise, or ``None``.
        dataset: whose splits are read.
        rows: a few of them on the device, [N, ...] each.

    Returns:
        Facts for the run: the dtype that each tensor of a batch should have, whether the likelihood is discrete,
        whether the guide is a point, and a latent whose masked values the model reads, if there is one.
    """
    found = verify_once(model, guide, rows)
    device = next(iter(rows.values())).device
    for split in dataset.splits:
        for chunk in chunks(dataset.stored(split), _ROWS):
            seen = chunk if dataset.transform is None else dataset.transform(chunk, torch.Generator().manual_seed(0))
            verify_values(f"{split} split", model, found.given, to_device(seen, device))
    return {
        "dtypes": {key: str(value.dtype).removeprefix("torch.") for key, value in rows.items()},
        "discrete_likelihood": all(map(has_discrete_support, found.given.values())),
        "point_guide": found.is_point,
        **({"read_noise": found.read_noise} if found.read_noise else {}),
    }


class Minibatches:
    """The training split on the device, in minibatches shuffled anew each epoch.

    Stored tensors stay as they are (uint8 images take a quarter of float's memory); a minibatch is one gather and one
    transform. Two generators make all randomness of the data: one for the order, one for the noise of random
    transforms. The last batch may be short; a single left-over row joins the batch before it, since batch
    normalisation has no answer for one row. ``bounds`` are the first and last row (exclusive) of every minibatch.

    Unpaired domains have permutations of their own: an epoch goes over the longest, and a shorter one starts anew
    with a new permutation as often as needed, so that every batch has equally many rows of each.

    Args:
        dataset: where the split comes from.
        split: its name.
        batch_size: rows of a minibatch; ``None`` for all rows, in the order in which they are stored.
        device: where the tensors live.
        seed: of both generators.
    """

    def __init__(self, dataset: Dataset, split: str, batch_size: int | None, device: torch.device, seed: int) -> None:
        self.tensors, self.transform = to_device(dataset.splits[split], device), dataset.transform
        self.dataset, self.split, self.size, self.device = dataset, split, dataset.size(split), device
        self.order = torch.Generator().manual_seed(seed)
        self.noise = torch.Generator(device).manual_seed(seed + 1)
        self.in_order = batch_size is None
        starts = list(range(0, self.size, min(batch_size or self.size, self.size)))
        if len(starts) > 1 and self.size - starts[-1] == 1:
            starts.pop()
        self.bounds = list(zip(starts, [*starts[1:], self.size], strict=True))

    @property
    def num_batches(self) -> int:
        """Of an epoch."""
        return len(self.bounds)

    def epoch(self, position: int = 0) -> Iterator[dict[str, Tensor]]:
        """The minibatches of one epoch in a new random order, [batch, ...] each, from number ``position`` on."""
        if self.in_order:
            yield self._seen(self.tensors)
            return
        orders = self.dataset.draw_orders(self.split, self.order, self.device)
        for start, stop in self.bounds[position:]:
            yield self._seen({key: t.index_select(0, orders[key][start:stop]) for key, t in self.tensors.items()})

    def _seen(self, stored: dict[str, Tensor]) -> dict[str, Tensor]:
        return stored if self.transform is None else self.transform(stored, self.noise)
