"""From a pair and a data set to what the loop needs: on the device, set up, checked, in minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ppgen.context import preserved_state, validation
from ppgen.data import Dataset, Transform
from ppgen.declare import ProgramPart, check
from ppgen.declare.batch import MISSING, chunks, partly_missing, without_latents
from ppgen.declare.check import given_distributions, verify_values
from ppgen.declare.look import label_of
from ppgen.declare.supports import support_of
from ppgen.errors import DeclarationError, SettingError
from ppgen.guides import DerivedGuide
from ppgen.inference.paired_trace import trace_pair
from ppgen.objectives import Objective, TrainingPosition

__all__ = ["Resident", "rehearse", "set_up", "verify_fit", "verify_weights"]


_ROWS = 8192


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
            )


def set_up(model: nn.Module, guide: nn.Module | None, dataset: Dataset, device: torch.device) -> None:
    """Put the pair on the device, check the model, and make all parameters that wait to see data.

    Raises:
        DataError, DeclarationError: if the model cannot run on the data.
    """
    batch = {key: value.to(device) for key, value in dataset.representative_rows().items()}
    model.to(device)
    if guide is not None:
        guide.to(device)
        verify_weights(guide)
    if isinstance(guide, ProgramPart):
        guide.setup(batch)  # before the model, which may use parameters that the guide creates
    if isinstance(model, ProgramPart):
        model.setup(batch)
    check(model, None, batch)
    if isinstance(guide, DerivedGuide):
        guide.setup(without_latents(model, batch))


def verify_fit(model: nn.Module, guide: nn.Module | None, dataset: Dataset, device: torch.device) -> dict[str, Any]:
    """Check the pair on a few rows, and all rows of all splits.

    Returns:
        Facts for the run: the dtype that each tensor of a batch should have, whether the likelihood is discrete, and
        whether the guide is a point.
    """
    rows = dataset.representative_rows()
    batch = {key: value.to(device) for key, value in rows.items()}
    if guide is not None:
        check(model, guide, batch)
    given = given_distributions(model, batch)
    for split, stored in dataset.splits.items():
        for chunk in chunks(stored, _ROWS):
            seen = chunk if dataset.transform is None else dataset.transform(chunk, torch.Generator().manual_seed(0))
            verify_values(f"{split} split", model, given, {k: v.to(device) for k, v in seen.items()})
    return {
        "dtypes": {key: str(value.dtype).removeprefix("torch.") for key, value in rows.items()},
        "discrete_likelihood": all(_is_discrete(fn) for fn in given.values()),
        "point_guide": guide is not None and _is_point(model, guide, batch),
    }


def rehearse(
    model: nn.Module, guide: nn.Module | None, objective: Objective, dataset: Dataset, device: torch.device
) -> None:
    """Compute every turn's loss once and forget it, so that what an objective cannot train is refused at once."""
    batch = {key: value.to(device) for key, value in dataset.representative_rows().items()}
    modules = nn.ModuleList([model, *([] if guide is None else [guide]), *objective.networks.values()])
    size = max(dataset.size("train"), len(next(iter(batch.values()))))
    missing = partly_missing(model, batch)
    with preserved_state(modules), torch.enable_grad(), validation(True):
        for player in objective.players(model, guide):
            try:
                objective.loss(player.name, model, guide, batch, size, TrainingPosition())
            except (RuntimeError, ValueError, IndexError) as error:
                if not missing:
                    raise
                raise SettingError(
                    f"{objective.name}: it cannot be trained where values of {missing[0]} are missing ({error})",
                    expected="an objective that sums discrete latents out",
                    got=f"{objective.name} on data with {missing[0]} = {MISSING} in some rows",
                    fix="objective=ppgen.ELBO()",
                ) from error


def _is_point(model: nn.Module, guide: nn.Module, batch: Mapping[str, Tensor]) -> bool:
    batch = without_latents(model, batch)
    with preserved_state(nn.ModuleList([model, guide])):
        return trace_pair(model, guide, batch, len(next(iter(batch.values())))).is_point


def _is_discrete(fn: Any) -> bool:
    return bool(getattr(support_of(fn), "is_discrete", False))


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
