"""One optimizer step: a function of parameters, optimizer state, batch and schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.declare import validation
from ppgen.fitting.diagnosis import diagnose
from ppgen.objectives import Moment, Objective, Turn

__all__ = ["Engine", "Player"]

_READ_EVERY = 50  # steps between two looks at the device's verdict, so that a GPU is never made to wait


class Player:
    """One turn's parameters and their Adam, fused into a single kernel over all of them."""

    def __init__(self, turn: Turn, learning_rate: float) -> None:
        unique = {id(p): p for module in turn.modules for p in module.parameters() if p.requires_grad}
        self.turn = turn
        self.parameters: list[nn.Parameter] = list(unique.values())
        self.optimizer = (
            torch.optim.Adam(self.parameters, lr=learning_rate, betas=turn.betas, fused=True)
            if self.parameters
            else None
        )


class Engine:
    """Steps of a pair under an objective.

    The step goes once through guide and model (``objectives.pairing``) instead of Pyro's trace, replay and one
    optimizer for each parameter; Pyro's own checks run on the first step of each batch signature only. A step whose
    loss or gradient is not finite is never applied: on the CPU it is seen at once; on a GPU a flag on the device
    makes the optimizer skip this and all later steps until the flag is read.

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
        self._asynchronous = device.type != "cpu"
        self._bad = torch.zeros((), device=device)
        self._seen: set[tuple[Any, ...]] = set()
        self._steps = 0

    def step(self, batch: Mapping[str, Tensor], moment: Moment) -> dict[str, Tensor]:
        """Play every turn once on a batch.

        Returns:
            The parts of every turn's loss, detached and still on the device.

        Raises:
            DivergenceError: if a loss or gradient was not finite; the parameters are those of the last good step.
        """
        signature = tuple((key, tensor.shape, tensor.dtype) for key, tensor in batch.items())
        with validation(signature not in self._seen):
            record: dict[str, Tensor] = {}
            for player in self.players:
                record |= self._play(player, batch, moment)
        self._seen.add(signature)
        self._steps += 1
        if self._asynchronous and self._steps % _READ_EVERY == 0:
            self.settle(batch, moment)
        return record

    def settle(self, batch: Mapping[str, Tensor], moment: Moment) -> None:
        """Read the device's verdict over the steps since the last look.

        Raises:
            DivergenceError: if one of them was not finite.
        """
        if self._asynchronous and self._bad.item():
            self._bad.zero_()
            self._stop(self.players[0], batch, moment)

    def _play(self, player: Player, batch: Mapping[str, Tensor], moment: Moment) -> dict[str, Tensor]:
        loss = self.objective.loss(player.turn.name, self.model, self.guide, batch, self.size, moment)
        value = loss.value.detach()
        key = "loss" if len(self.players) == 1 else f"{player.turn.name}_loss"
        record = {key: value, **loss.record}
        if player.optimizer is None:
            return record
        player.optimizer.zero_grad(set_to_none=True)
        loss.value.backward()
        gradients = [p.grad for p in player.parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if self._asynchronous:
            self._bad.logical_or_(~torch.isfinite(value + norm))
            player.optimizer.found_inf = self._bad  # type: ignore[attr-defined]  # read by the fused kernel
        elif not math.isfinite((value + norm).item()):
            self._stop(player, batch, moment)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(player.parameters, self.clip_norm, norm)
        player.optimizer.step()
        return record

    def _stop(self, player: Player, batch: Mapping[str, Tensor], moment: Moment) -> None:
        raise diagnose(self.model, self.guide, self.objective, player.turn.name, batch, self.size, moment)

    def state(self) -> list[dict[str, Any]]:
        """Every optimizer's state, for a checkpoint."""
        return [{} if player.optimizer is None else player.optimizer.state_dict() for player in self.players]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """The inverse of :meth:`state`."""
        for player, saved in zip(self.players, state, strict=True):
            if player.optimizer is not None:
                player.optimizer.load_state_dict(saved)
