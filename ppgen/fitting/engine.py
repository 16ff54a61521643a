"""One optimizer step: a function of parameters, optimizer state, batch and schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.context import validation
from ppgen.errors import DivergenceError, PpgenError
from ppgen.fitting.adam import Adam
from ppgen.fitting.diagnosis import diagnose, not_finite
from ppgen.objectives import Moment, Objective, Turn

__all__ = ["Engine", "Player"]

_READ_EVERY = 50  # steps between two looks at the device's verdict, so that a GPU is never made to wait


class Player:
    """One turn's parameters and their Adam."""

    def __init__(self, turn: Turn, learning_rate: float) -> None:
        unique = {id(p): p for module in turn.modules for p in module.parameters() if p.requires_grad}
        self.turn = turn
        self.optimizer = Adam(unique.values(), learning_rate, turn.betas)


class Engine:
    """Steps of a pair under an objective.

    The step goes once through guide and model (``objectives.pairing``) instead of Pyro's trace, replay and one
    optimizer for each parameter; checks of arguments and supports run on the first step of each batch signature only.
    A step whose loss or gradient is not finite is never applied: on the CPU it is seen at once; on a GPU a flag on
    the device makes the optimizer skip this and all later steps until the flag is read.

    Args:
        model: called as ``model(batch, size)``.
        guide: likewise, or ``None``.
        objective: gives the turns and their losses.
        size: number of data points in the training split.
        learning_rate: Adam's.
        clip_norm: largest norm of a turn's gradient, or ``None``.
        device: where all of it lives.
    """

    def __init__(
        self,
        model: nn.Module,
        guide: nn.Module | None,
        objective: Objective,
        *,
        size: int,
        learning_rate: float,
        clip_norm: float | None,
        device: torch.device,
    ) -> None:
        self.model, self.guide, self.objective = model, guide, objective
        self.size, self.clip_norm = size, clip_norm
        self.players = [Player(turn, learning_rate) for turn in objective.turns(model, guide)]
        modules = [model, *([] if guide is None else [guide]), *objective.networks.values()]
        self._buffers = list({id(b): b for module in modules for b in module.buffers()}.values())
        self._kept = [buffer.clone() for buffer in self._buffers]
        self._asynchronous = device.type != "cpu"
        self._bad = torch.zeros((), device=device)
        self._seen: set[tuple[Any, ...]] = set()
        self._steps = 0

    def step(self, batch: Mapping[str, Tensor], moment: Moment) -> dict[str, Tensor]:
        """Play every turn once on a batch.

        Returns:
            The parts of every turn's loss, detached and still on the device.

        Raises:
            DivergenceError: if a loss or gradient was not finite; weights and buffers are those of the last good
                step.
        """
        signature = tuple((key, tensor.shape, tensor.dtype) for key, tensor in batch.items())
        record: dict[str, Tensor] = {}
        self._keep_buffers()
        try:
            with validation(signature not in self._seen):
                for player in self.players:
                    record |= self._play(player, batch, moment)
        except DivergenceError:
            raise
        except (RuntimeError, ValueError, PpgenError) as error:
            # A check, or a decomposition, met what overflowed before the loss did.
            if next(not_finite(self.model, self.guide, self.objective, batch, self.size), None):
                raise self._divergence(self.players[0], batch, moment) from error
            raise
        self._seen.add(signature)
        self._steps += 1
        if self._steps % _READ_EVERY == 0:
            self.settle(batch, moment)
        return record

    def settle(self, batch: Mapping[str, Tensor], moment: Moment) -> None:
        """Read the device's verdict over the steps since the last look.

        Raises:
            DivergenceError: if one of them was not finite.
        """
        if self._asynchronous and self._bad.item():
            self._bad.zero_()
            raise self._divergence(self.players[0], batch, moment)

    def set_learning_rate(self, value: float) -> None:
        """Change every player's learning rate from the next step on."""
        for player in self.players:
            player.optimizer.learning_rate = value

    def _play(self, player: Player, batch: Mapping[str, Tensor], moment: Moment) -> dict[str, Tensor]:
        loss = self.objective.loss(player.turn.name, self.model, self.guide, batch, self.size, moment)
        value = loss.value.detach()
        key = "loss" if len(self.players) == 1 else f"{player.turn.name}_loss"
        record = {key: value, **loss.record}
        optimizer = player.optimizer
        optimizer.clear()
        if not optimizer.parameters:
            return record
        loss.value.backward()
        norm = torch.nn.utils.get_total_norm(optimizer.gradients())
        if self._asynchronous:
            self._bad.logical_or_(~torch.isfinite(value + norm))
        elif not math.isfinite((value + norm).item()):
            raise self._divergence(player, batch, moment)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(optimizer.parameters, self.clip_norm, norm)
        optimizer.step(skip=self._bad if self._asynchronous else None)
        return record

    def _divergence(self, player: Player, batch: Mapping[str, Tensor], moment: Moment) -> DivergenceError:
        """What was not finite; afterwards nothing of the failed step is left."""
        since = min(self._steps, _READ_EVERY) if self._asynchronous else 0
        error = diagnose(
            self.model, self.guide, self.objective, player.turn.name, batch, self.size, moment, since=since
        )
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            buffer.copy_(kept)
        for other in self.players:
            other.optimizer.clear()
        return error

    def _keep_buffers(self) -> None:
        """Copy buffers before a step: a forward pass that overflows spoils a batch norm's statistics."""
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            kept.copy_(torch.where(self._bad.bool(), kept, buffer) if self._asynchronous else buffer)

    def state(self) -> list[dict[str, Any]]:
        """Every optimizer's state, for a checkpoint."""
        return [player.optimizer.state() for player in self.players]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """The inverse of :meth:`state`."""
        for player, saved in zip(self.players, state, strict=True):
            player.optimizer.restore(saved)
