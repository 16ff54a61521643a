"""A training step as one traced function of tensors: what a compiled step would run, here op by op."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.optim.adam import adam

from ppgen.context import validation
from ppgen.objectives import Player, Step, TrainingPosition
from ppgen.training.prepare import Problem
from ppgen.training.step import TrainingStep, laid_out_like, take_turn

__all__ = ["TracedStep"]

Tensors = dict[str, Tensor]


class TracedStep:
    """The turns of a step as graphs, traced once, that take all that changes from step to step as tensors.

    It begins with the weights, buffers and optimizer states of an eager step, and leaves these alone.

    Args:
        problem: what is trained; a step of it was taken already.
        eager: that step.
        batch: whose shapes are those of all batches, [batch, ...] each.
    """

    def __init__(self, problem: Problem, eager: TrainingStep, batch: Mapping[str, Tensor]) -> None:
        self.problem, self.owner = problem, nn.ModuleDict(problem.state.modules)
        self.weights = {name: p.detach().clone() for name, p in self.owner.named_parameters()}
        self.buffers = {name: b.clone() for name, b in self.owner.named_buffers()}
        self.moments: dict[str, dict[str, list[Tensor]]] = {
            player: {key: [t.clone() for t in each] for key, each in optimizer.state().items()}
            for player, optimizer in eager.optimizers.items()
        }
        schedule = problem.step(batch, TrainingPosition()).schedule
        with validation(False):
            self.graphs = {
                player.name: make_fx(lambda *given, player=player: self._turn(player, *given))(
                    self.weights, self.buffers, self.moments[player.name], batch, schedule, torch.tensor(1e-3)
                )
                for player in problem.players
            }

    def __call__(self, batch: Mapping[str, Tensor], schedule: Mapping[str, Tensor], learning_rate: Tensor) -> Tensors:
        """Move every player once; the parts of their losses, [] each.

        Args:
            batch: [batch, ...] each.
            schedule: of the objective, [] each.
            learning_rate: of every player, [].
        """
        record: Tensors = {}
        for player, graph in self.graphs.items():
            moved, self.buffers, self.moments[player], said = graph(
                self.weights, self.buffers, self.moments[player], batch, schedule, learning_rate
            )
            self.weights = self.weights | moved
            record |= said
        return record

    def _turn(
        self, player: Player, weights: Tensors, buffers: Tensors, moments: Any, batch: Any, schedule: Any, rate: Tensor
    ) -> Any:
        """A turn without side effects: new weights, buffers and moments, and the record."""
        names = [name for name, p in self.owner.named_parameters() if any(p is moved for moved in player.parameters)]
        buffers = {name: value.clone() for name, value in buffers.items()}
        weights = {name: value.detach().requires_grad_() for name, value in weights.items()}
        objective, state = self.problem.objective, self.problem.state
        with self._in_place_of_its_own(weights | buffers), torch.enable_grad():
            step = Step(state.model, state.guide, batch, self.problem.size, schedule)
            turn = take_turn(objective, state, player.name, step, [weights[name] for name in names])
        moved = {name: weights[name].detach().clone() for name in names}
        moments = {key: [value.clone() for value in each] for key, each in moments.items()}
        self._adam(player, list(moved.values()), list(turn.gradients), moments, rate)
        name = "loss" if len(self.problem.players) == 1 else f"{player.name}_loss"
        return moved, buffers, moments, {name: turn.value, **turn.record}

    @staticmethod
    def _adam(player: Player, weights: list[Tensor], gradients: list[Any], moments: Any, rate: Tensor) -> None:
        moving = [i for i, gradient in enumerate(gradients) if gradient is not None]
        gradients = [g if g is None else laid_out_like(w, g) for w, g in zip(weights, gradients, strict=True)]
        first, second = player.optimizer.get("betas", (0.9, 0.999))
        adam(
            *([each[i] for i in moving] for each in (weights, gradients, moments["means"], moments["squares"])),
            [],
            [moments["steps"][i] for i in moving],
            fused=True, amsgrad=False, beta1=first, beta2=second, lr=rate, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip

    @contextlib.contextmanager
    def _in_place_of_its_own(self, values: Tensors) -> Iterator[None]:
        """Other tensors in the places of all parameters and buffers, shared ones wherever they are shared."""
        own = dict(self.owner.named_parameters()) | dict(self.owner.named_buffers())
        names = {id(tensor): name for name, tensor in own.items()}
        kept = []
        for module in self.owner.modules():
            for place in (module._parameters, module._buffers):
                for key, tensor in place.items():
                    if tensor is not None:
                        kept.append((place, key, tensor))
                        place[key] = values[names[id(tensor)]]
        try:
            yield
        finally:
            for place, key, tensor in kept:
                place[key] = tensor
