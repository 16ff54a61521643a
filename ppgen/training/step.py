"""One optimizer step: a function of parameters, optimizer state, batch and schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from ppgen.context import validation
from ppgen.errors import DivergenceError, PpgenError
from ppgen.objectives import Objective, Player, TrainingPosition
from ppgen.training.diagnosis import diagnose, not_finite

__all__ = ["Adam", "Engine", "Mover"]


class Adam:
    """Kingma & Ba, 2015, Adam: A Method for Stochastic Optimization (arXiv 1412.6980), by torch's fused kernel.

    Bit for bit ``torch.optim.Adam(parameters, lr, betas, fused=True)``, without its hooks and parameter groups: half
    the time of a step of a small network, and no import of torch's compiler (a second at the start of every process).

    Args:
        parameters: to be moved; those without a gradient stay where they are.
        learning_rate: may be changed between steps.
        betas: decay rates of the two moments.
        epsilon: keeps the division finite.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.betas, self.epsilon = learning_rate, betas, epsilon
        self._means = [torch.zeros_like(p) for p in self.parameters]
        self._squares = [torch.zeros_like(p) for p in self.parameters]
        self._steps = [torch.zeros((), device=p.device) for p in self.parameters]

    def clear(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def gradients(self) -> list[Tensor]:
        """The gradients that there are."""
        return [p.grad for p in self.parameters if p.grad is not None]

    @torch.no_grad()
    def step(self, skip: Tensor | None = None) -> None:
        """Move the parameters by one step.

        Args:
            skip: scalar on the device; where it is 1, nothing moves, and nobody has to wait to know it.
        """
        moving = [i for i, parameter in enumerate(self.parameters) if parameter.grad is not None]
        adam(
            [self.parameters[i] for i in moving],
            self.gradients(),
            [self._means[i] for i in moving],
            [self._squares[i] for i in moving],
            [],
            [self._steps[i] for i in moving],
            fused=True,
            found_inf=skip,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=self.epsilon,
            maximize=False,
        )

    def state(self) -> dict[str, list[Tensor]]:
        """Both moments and the step count of every parameter."""
        return {"means": self._means, "squares": self._squares, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        for own, saved in zip(self.state().values(), state.values(), strict=True):
            for tensor, value in zip(own, saved, strict=True):
                tensor.copy_(value)


_READ_EVERY = 50  # steps between two looks at the device's verdict, so that a GPU is never made to wait


class Mover:
    """A player of the step, and the optimizer of its parameters."""

    def __init__(self, player: Player, learning_rate: float) -> None:
        unique = {id(p): p for module in player.modules for p in module.parameters() if p.requires_grad}
        self.name = player.name
        self.optimizer = Adam(unique.values(), learning_rate, player.betas)


class Engine:
    """Steps of a pair under an objective.

    The step goes once through guide and model (``objectives.pairing``) instead of Pyro's trace, replay and one
    optimizer for each parameter; checks of arguments and supports run on the first step of each batch signature only.
    A step whose loss or gradient is not finite is never applied: on the CPU it is seen at once; on a GPU a flag on
    the device makes the optimizer skip this and all later steps until the flag is read.

    Args:
        model: called as ``model(batch, size)``.
        guide: likewise, or ``None``.
        objective: gives the players and their losses.
        size: number of data points in the training split.
        learning_rate: Adam's.
        clip_norm: largest norm of a player's gradient, or ``None``.
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
        self.movers = [Mover(player, learning_rate) for player in objective.players(model, guide)]
        modules = [model, *([] if guide is None else [guide]), *objective.networks.values()]
        self._buffers = list({id(b): b for module in modules for b in module.buffers()}.values())
        self._kept = [buffer.clone() for buffer in self._buffers]
        self._asynchronous = device.type != "cpu"
        self._bad = torch.zeros((), device=device)
        self._seen: set[tuple[Any, ...]] = set()
        self._steps = 0

    def step(self, batch: Mapping[str, Tensor], position: TrainingPosition) -> dict[str, Tensor]:
        """Let every player move once on a batch.

        Returns:
            The parts of every player's loss, detached and still on the device.

        Raises:
            DivergenceError: if a loss or gradient was not finite; weights and buffers are those of the last good
                step.
        """
        signature = tuple((key, tensor.shape, tensor.dtype) for key, tensor in batch.items())
        record: dict[str, Tensor] = {}
        self._keep_buffers()
        try:
            with validation(signature not in self._seen):
                for mover in self.movers:
                    record |= self._play(mover, batch, position)
        except DivergenceError:
            raise
        except (RuntimeError, ValueError, PpgenError) as error:
            # A check, or a decomposition, met what overflowed before the loss did.
            if next(not_finite(self.model, self.guide, self.objective, batch, self.size), None):
                raise self._divergence(self.movers[0], batch, position) from error
            raise
        self._seen.add(signature)
        self._steps += 1
        if self._steps % _READ_EVERY == 0:
            self.settle(batch, position)
        return record

    def settle(self, batch: Mapping[str, Tensor], position: TrainingPosition) -> None:
        """Read the device's verdict over the steps since the last look.

        Raises:
            DivergenceError: if one of them was not finite.
        """
        if self._asynchronous and self._bad.item():
            self._bad.zero_()
            raise self._divergence(self.movers[0], batch, position)

    def set_learning_rate(self, value: float) -> None:
        """Change every player's learning rate from the next step on."""
        for mover in self.movers:
            mover.optimizer.learning_rate = value

    def _play(self, mover: Mover, batch: Mapping[str, Tensor], position: TrainingPosition) -> dict[str, Tensor]:
        loss = self.objective.loss(mover.name, self.model, self.guide, batch, self.size, position)
        value = loss.value.detach()
        key = "loss" if len(self.movers) == 1 else f"{mover.name}_loss"
        record = {key: value, **loss.record}
        optimizer = mover.optimizer
        optimizer.clear()
        if not optimizer.parameters:
            return record
        loss.value.backward()
        norm = torch.nn.utils.get_total_norm(optimizer.gradients())
        if self._asynchronous:
            self._bad.logical_or_(~torch.isfinite(value + norm))
        elif not math.isfinite((value + norm).item()):
            raise self._divergence(mover, batch, position)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(optimizer.parameters, self.clip_norm, norm)
        optimizer.step(skip=self._bad if self._asynchronous else None)
        return record

    def _divergence(self, mover: Mover, batch: Mapping[str, Tensor], position: TrainingPosition) -> DivergenceError:
        """What was not finite; afterwards nothing of the failed step is left."""
        since = min(self._steps, _READ_EVERY) if self._asynchronous else 0
        error = diagnose(self.model, self.guide, self.objective, mover.name, batch, self.size, position, since=since)
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            buffer.copy_(kept)
        for other in self.movers:
            other.optimizer.clear()
        return error

    def _keep_buffers(self) -> None:
        """Copy buffers before a step: a forward pass that overflows spoils a batch norm's statistics."""
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            kept.copy_(torch.where(self._bad.bool(), kept, buffer) if self._asynchronous else buffer)

    def state(self) -> list[dict[str, Any]]:
        """Every optimizer's state, for a checkpoint."""
        return [mover.optimizer.state() for mover in self.movers]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """The inverse of :meth:`state`."""
        for mover, saved in zip(self.movers, state, strict=True):
            mover.optimizer.restore(saved)
