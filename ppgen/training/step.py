"""One training step: every player's loss, gradient and move, unless something in it is not finite."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.context import validation
from ppgen.errors import DivergenceError, PpgenError
from ppgen.objectives import Objective, State, Step, TrainingPosition
from ppgen.training.averages import MovingAverage
from ppgen.training.diagnosis import diagnose, not_finite
from ppgen.training.optimizers import Choice, Optimizer, by_player, make_optimizer
from ppgen.training.prepare import Problem
from ppgen.training.rates import RATE

__all__ = ["REPEATED", "TrainingStep", "Turn", "take_turn"]

REPEATED = "repeated_steps"
"""In the record of a step, how often it was repeated; in history, the number of an epoch's repetitions."""

_REPEATS = 5
_READ_EVERY = 50  # steps between two looks at the device's verdict, so that a GPU is never made to wait


@dataclasses.dataclass(frozen=True)
class Turn:
    """What a player's turn is made of, before anything moves.

    Args:
        value: of the loss, [].
        record: its named parts, [] each.
        gradients: by parameter, [...] as it; ``None`` where the loss does not depend on one.
        norm: of all gradients together, [].
    """

    value: Tensor
    record: Mapping[str, Tensor]
    gradients: Sequence[Tensor | None]
    norm: Tensor


def take_turn(objective: Objective, state: State, player: str, step: Step, parameters: Sequence[Tensor]) -> Turn:
    """A player's loss and its gradient: a function of its arguments and of the random state, and of nothing else.

    It reads nothing back from the device, so that ``torch.fx.experimental.proxy_tensor.make_fx`` can trace it.

    Args:
        objective: gives the loss.
        state: of the fit.
        player: whose turn it is.
        step: the batch, and what is scheduled for it.
        parameters: that the player moves, [...] each.
    """
    loss = objective.loss(state, player, step)
    value = loss.value.detach()
    if not parameters:
        return Turn(value, loss.record, [], torch.zeros_like(value))
    gradients = torch.autograd.grad(loss.value, parameters, allow_unused=True)
    return Turn(value, loss.record, gradients, _norm_of([g for g in gradients if g is not None]))


def _norm_of(gradients: list[Tensor]) -> Tensor:
    """``torch.nn.utils.get_total_norm`` of gradients on one device, without its search for others: half the time."""
    if not gradients:
        return torch.zeros(())
    norms = torch._foreach_norm(gradients)  # pyright: ignore[reportPrivateImportUsage]
    return torch.linalg.vector_norm(torch.stack(norms))


def laid_out_like(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the memory layout of its parameter, which fused optimizers take for granted without a look.

    ``backward`` sees to it when it fills ``grad``; ``torch.autograd.grad`` gives whatever layout its last operation
    made: a convolution whose input lies channels last gives its weight such a gradient.

    Args:
        parameter: [...].
        gradient: of the same shape.
    """
    return gradient if gradient.stride() == parameter.stride() else torch.empty_like(parameter).copy_(gradient)


class TrainingStep:
    """The step of a problem: called with a batch, it lets every player move whose turn it is.

    A step goes once through guide and model (:mod:`ppgen.inference.paired_trace`) instead of Pyro's trace, replay and
    one optimizer for each parameter; checks of arguments and supports run on the first step of each batch signature
    only. A step whose loss or gradient is not finite is never applied. On the CPU it is seen at once, and repeated with
    other noise, up to 5 times: a rare draw should not end a fit; the record counts it. On a GPU a flag on the device
    makes the optimizers skip this and all later steps until the flag is read.

    Args:
        problem: what is trained.
        optimizer: for every player, or by player.
        learning_rate: at the start, likewise.
        clip_norm: largest norm of a player's gradient, or ``None``.
        device: where all of it lives.

    Raises:
        SettingError: if a player has no such optimizer.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        optimizer: Choice | Mapping[str, Choice] = "adam",
        learning_rate: float | Mapping[str, float] = RATE,
        clip_norm: float | None = None,
        device: torch.device,
    ) -> None:
        self.problem, self.clip_norm = problem, clip_norm
        names = [player.name for player in problem.players]
        choices = dict.fromkeys(names, "adam") | by_player("fit: optimizer", optimizer, problem.players)
        rates = dict.fromkeys(names, RATE) | by_player("fit: learning_rate", learning_rate, problem.players)
        self.optimizers: dict[str, Optimizer] = {}
        self.averages: dict[str, MovingAverage] = {}
        self._parameters = {player.name: player.parameters for player in problem.players}
        for player in problem.players:
            if player.parameters:
                self.optimizers[player.name] = make_optimizer(choices[player.name], player, rates[player.name])
                if player.average is not None:
                    self.averages[player.name] = MovingAverage(player.parameters, player.average)
        self._buffers = list(nn.ModuleList(problem.state.modules.values()).buffers())
        self._kept = [buffer.clone() for buffer in self._buffers]
        self._asynchronous = device.type != "cpu" and all(made.can_skip for made in self.optimizers.values())
        self._bad = torch.zeros((), device=device)
        self._seen: set[tuple[Any, ...]] = set()
        self._steps = 0
        self._warned = False

    def __call__(self, batch: Mapping[str, Tensor], position: TrainingPosition) -> dict[str, Tensor]:
        """Let every player move whose turn it is.

        Args:
            batch: tensors [batch, ...] by site and covariate.
            position: where training stands.

        Returns:
            The parts of the losses, [] each, detached and still on the device.

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
                step = self.problem.step(batch, position)
                for player in self.problem.players:
                    if (position.step + 1) % player.every == 0:
                        moved = self._move(player.name, step, batch, position)
                        if REPEATED in record and REPEATED in moved:
                            moved[REPEATED] = moved[REPEATED] + record[REPEATED]
                        record |= moved
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

    def scale_learning_rate(self, factor: float) -> None:
        """Set every player's learning rate to the one of its start times a factor, from the next step on."""
        for optimizer in self.optimizers.values():
            optimizer.scale(factor)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in their players, where there are any; afterwards the weights of the last step."""
        with contextlib.ExitStack() as stack:
            for average in self.averages.values():
                stack.enter_context(average.applied())
            yield

    def keep_averages(self) -> None:
        """End with the averaged weights, where there are any."""
        for average in self.averages.values():
            average.apply()

    def _move(
        self, player: str, step: Step, batch: Mapping[str, Tensor], position: TrainingPosition
    ) -> dict[str, Tensor]:
        parameters = self._parameters[player]
        turn, repeats = self._take_turn(player, step, position)
        record = {"loss" if len(self._parameters) == 1 else f"{player}_loss": turn.value, **turn.record}
        if len(self._parameters) > 1:  # of players in a game, one may fade or blow up unseen in its loss
            record[f"{player}_gradient_norm"] = turn.norm
        if repeats:
            record[REPEATED] = torch.full_like(turn.value, repeats)
        if not parameters:
            return record
        if self._asynchronous:
            self._bad.logical_or_(~torch.isfinite(turn.value + turn.norm))
        elif repeats == _REPEATS and not math.isfinite((turn.value + turn.norm).item()):  # else it was looked at
            raise self._divergence(batch, position, player)
        for parameter, gradient in zip(parameters, turn.gradients, strict=True):
            parameter.grad = None if gradient is None else laid_out_like(parameter, gradient)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(parameters, self.clip_norm, turn.norm)
        self.optimizers[player].step(skip=self._bad if self._asynchronous else None)
        for parameter in parameters:
            parameter.grad = None
        if player in self.averages:
            self.averages[player].update()
        return record

    def _take_turn(self, player: str, step: Step, position: TrainingPosition) -> tuple[Turn, int]:
        """A player's turn, and how often it was repeated because it was not finite with the noise that it drew."""
        objective, state, parameters = self.problem.objective, self.problem.state, self._parameters[player]
        repeats = 0 if self._asynchronous or not parameters else _REPEATS
        for repeat in range(repeats):
            try:
                turn = take_turn(objective, state, player, step, parameters)
                is_finite = math.isfinite((turn.value + turn.norm).item())
            except (ValueError, torch.linalg.LinAlgError):  # pyright: ignore[reportPrivateImportUsage]
                is_finite = False
            if is_finite:
                self._tell_of(repeat, position)
                return turn, repeat
            self._put_back()
        return take_turn(objective, state, player, step, parameters), repeats

    def _tell_of(self, repeats: int, position: TrainingPosition) -> None:
        if repeats and not self._warned:
            warnings.warn(
                f"step {position.step + 1} of training was not finite with the noise that it drew, and was repeated "
                f"with other noise; history counts such repetitions as {REPEATED!r}",
                stacklevel=2,
            )
            self._warned = True

    def _put_back(self) -> None:
        """Buffers as before the step."""
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            buffer.copy_(kept)

    def _divergence(
        self, batch: Mapping[str, Tensor], position: TrainingPosition, player: str | None = None
    ) -> DivergenceError:
        """The error that says what was not finite; buffers are put back as before the failed step."""
        since = min(self._steps, _READ_EVERY) if self._asynchronous else 0
        error = diagnose(self.problem, player or next(iter(self._parameters)), batch, position, since=since)
        self._put_back()
        return error

    def state(self) -> dict[str, Any]:
        """Every player's optimizer state, for a checkpoint."""
        return {player: optimizer.state() for player, optimizer in self.optimizers.items()}

    def average_state(self) -> dict[str, Any]:
        """Every player's averaged weights, for a checkpoint."""
        return {player: average.state() for player, average in self.averages.items()}

    def restore(self, state: Mapping[str, Any], averages: Mapping[str, Any]) -> None:
        """The inverse of :meth:`state` and :meth:`average_state`.

        Args:
            state: of the optimizers.
            averages: of the moving averages.
        """
        for player, optimizer in self.optimizers.items():
            optimizer.restore(state[player])
        for player, average in self.averages.items():
            average.restore(averages[player])
