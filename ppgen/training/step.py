"""One training step: every player's loss, gradient and Adam, unless something in it is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from ppgen.context import validation
from ppgen.errors import DivergenceError, PpgenError
from ppgen.objectives import TrainingPosition
from ppgen.training.diagnosis import diagnose, not_finite
from ppgen.training.prepare import Problem

__all__ = ["Adam", "TrainingStep"]

_READ_EVERY = 50  # steps between two looks at the device's verdict, so that a GPU is never made to wait


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
        """The gradients that there are, [...] as their parameters."""
        return [p.grad for p in self.parameters if p.grad is not None]

    @torch.no_grad()
    def step(self, skip: Tensor | None = None) -> None:
        """Move the parameters by one step.

        Args:
            skip: [] on the device; where it is 1, nothing moves. The host need not wait to read it.
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
        """Both moments of every parameter, in its shape, and its step count, []."""
        return {"means": self._means, "squares": self._squares, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        for own, saved in zip(self.state().values(), state.values(), strict=True):
            for tensor, value in zip(own, saved, strict=True):
                tensor.copy_(value)


class TrainingStep:
    """The step of a problem: called with a batch, it moves every player once.

    A step goes once through guide and model (:mod:`ppgen.inference.paired_trace`) instead of Pyro's trace, replay and
    one optimizer for each parameter; checks of arguments and supports run on the first step of each batch signature
    only. A step whose loss or gradient is not finite is never applied: on the CPU it is seen at once; on a GPU a flag
    on the device makes the optimizer skip this and all later steps until the flag is read.

    Args:
        problem: what is trained.
        learning_rate: Adam's.
        clip_norm: largest norm of a player's gradient, or ``None``.
        device: where all of it lives.
    """

    def __init__(
        self, problem: Problem, *, learning_rate: float, clip_norm: float | None, device: torch.device
    ) -> None:
        self.problem, self.clip_norm = problem, clip_norm
        self.optimizers = {
            player.name: Adam(
                # A list of modules gives the parameters that they share once.
                [p for p in nn.ModuleList(player.modules).parameters() if p.requires_grad],
                learning_rate,
                player.betas,
            )
            for player in problem.players
        }
        self._buffers = list(nn.ModuleList(problem.modules.values()).buffers())
        self._kept = [buffer.clone() for buffer in self._buffers]
        self._asynchronous = device.type != "cpu"
        self._bad = torch.zeros((), device=device)
        self._seen: set[tuple[Any, ...]] = set()
        self._steps = 0

    def __call__(self, batch: Mapping[str, Tensor], position: TrainingPosition) -> dict[str, Tensor]:
        """Let every player move once on a batch.

        Args:
            batch: tensors [batch, ...] by site and covariate.
            position: where training stands.

        Returns:
            The parts of every player's loss, [] each, detached and still on the device.

        Raises:
            DivergenceError: if a loss or gradient was not finite; weights and buffers are those of the last good
                step.
        """
        signature = tuple((key, tensor.shape, tensor.dtype) for key, tensor in batch.items())
        record: dict[str, Tensor] = {}
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            # A copy before the step: a forward pass that overflows spoils a batch norm's statistics.
            kept.copy_(torch.where(self._bad.bool(), kept, buffer) if self._asynchronous else buffer)
        try:
            with validation(signature not in self._seen):
                for player in self.optimizers:
                    record |= self._move(player, batch, position)
        except DivergenceError:
            raise
        except (RuntimeError, ValueError, PpgenError) as error:
            # A check, or a decomposition, met what overflowed before the loss did.
            if any(not_finite(self.problem, batch)):
                raise self._divergence(batch, position) from error
            raise
        self._seen.add(signature)
        self._steps += 1
        if self._steps % _READ_EVERY == 0:
            self.settle(batch, position)
        return record

    def settle(self, batch: Mapping[str, Tensor], position: TrainingPosition) -> None:
        """Read from the device whether all steps since the last reading were finite.

        Args:
            batch: of the last step, [batch, ...] each.
            position: of the last step.

        Raises:
            DivergenceError: if one of them was not finite.
        """
        if self._asynchronous and self._bad.item():
            self._bad.zero_()
            raise self._divergence(batch, position)

    def set_learning_rate(self, value: float) -> None:
        """Change every player's learning rate from the next step on."""
        for optimizer in self.optimizers.values():
            optimizer.learning_rate = value

    def _move(self, player: str, batch: Mapping[str, Tensor], position: TrainingPosition) -> dict[str, Tensor]:
        loss, optimizer = self.problem.loss(player, batch, position), self.optimizers[player]
        value = loss.value.detach()
        record = {"loss" if len(self.optimizers) == 1 else f"{player}_loss": value, **loss.record}
        optimizer.clear()
        if not optimizer.parameters:
            return record
        loss.value.backward()
        norm = torch.nn.utils.get_total_norm(optimizer.gradients())
        if self._asynchronous:
            self._bad.logical_or_(~torch.isfinite(value + norm))
        elif not math.isfinite((value + norm).item()):
            raise self._divergence(batch, position, player)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(optimizer.parameters, self.clip_norm, norm)
        optimizer.step(skip=self._bad if self._asynchronous else None)
        return record

    def _divergence(
        self, batch: Mapping[str, Tensor], position: TrainingPosition, player: str | None = None
    ) -> DivergenceError:
        """The error that says what was not finite; buffers and gradients are put back as before the failed step."""
        since = min(self._steps, _READ_EVERY) if self._asynchronous else 0
        error = diagnose(self.problem, player or next(iter(self.optimizers)), batch, position, since=since)
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            buffer.copy_(kept)
        for optimizer in self.optimizers.values():
            optimizer.clear()
        return error

    def state(self) -> dict[str, Any]:
        """Every player's optimizer state, for a checkpoint."""
        return {player: optimizer.state() for player, optimizer in self.optimizers.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        for player, optimizer in self.optimizers.items():
            optimizer.restore(state[player])
