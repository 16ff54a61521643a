"""The log joint of a model's data and its global latents, as a function of these latents alone."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import pyro
import torch
from torch import Tensor, nn

from ppgen.context import default_type, evaluating
from ppgen.declare import Model
from ppgen.inference.batch_trace import EnumeratedBatch
from ppgen.inference.bound import data_frame, per_datum
from ppgen.inference.importance import logsumexp_by_datum
from ppgen.inference.paired_trace import trace_pair

__all__ = ["GlobalDensity", "doubled", "in_double"]

T = TypeVar("T", bound=nn.Module)


class GlobalDensity:
    """``log p(x, theta) + log |d theta / du|`` of all data, at free coordinates u of the global latents theta.

    Discrete local latents are summed out under the model: no guide has a say. It is computed by a copy of the model in
    float64, since the log joint of many data has more digits than float32 has; where a program mixes in numbers of its
    own type, by the model as it is.

    Args:
        model: a declared one, whose continuous latents are all global.
        latents: for each of these, in order, its unconstrained shape and the bijection to its support.
        batch: all data, [N, ...] each.
        enumerated: the same with a row for each combination of values of the discrete latents, where there are any.
    """

    def __init__(
        self,
        model: Model,
        latents: Mapping[str, tuple[tuple[int, ...], Any]],
        batch: Mapping[str, Tensor],
        enumerated: EnumeratedBatch | None = None,
    ) -> None:
        self.latents, self.enumerated = latents, enumerated
        self.batch = batch if enumerated is None else enumerated.batch
        self.model, self.dtype = model, torch.get_default_dtype()
        self._sizes = [torch.Size(shape).numel() for shape, _ in latents.values()]
        native = self.model, self.batch
        try:
            self.model, self.dtype = in_double(model), torch.float64
            self.batch = {name: doubled(value) for name, value in self.batch.items()}
            self(torch.zeros(self.dim, dtype=torch.float64, device=self._device))
        except (RuntimeError, TypeError):
            (self.model, self.batch), self.dtype = native, torch.get_default_dtype()

    @property
    def dim(self) -> int:
        """Of u."""
        return sum(self._sizes)

    @property
    def _device(self) -> torch.device:
        return next(iter(self.batch.values())).device

    def __call__(self, free: Tensor) -> Tensor:
        """The log-density at u, [], float64.

        Args:
            free: u, [D], float64.
        """
        with_gradient = torch.is_grad_enabled()
        values, total = {}, free.new_zeros(())
        for piece, (name, (shape, to_support)) in zip(free.split(self._sizes), self.latents.items(), strict=True):
            point = piece.to(self.dtype).reshape(shape)
            values[name] = to_support(point)
            total = total + to_support.log_abs_det_jacobian(point, values[name]).sum()
        rows = len(next(iter(self.batch.values())))
        with default_type(self.dtype), evaluating(self.model), torch.set_grad_enabled(with_gradient):
            known: Any = pyro.condition(self.model, data=values)
            trace = trace_pair(known, None, self.batch, rows)
            local = free.new_zeros(rows)
            for draw in trace.observed.values():
                log_p = draw.log_prob().to(free.dtype)
                if data_frame(draw, rows) is None:
                    total = total + log_p.sum()
                else:
                    local = local + per_datum(log_p, draw, rows)
        if self.enumerated is not None:
            local = logsumexp_by_datum(local, self.enumerated.datum, self.enumerated.num_data)
        return total + local.sum()


def in_double(model: T) -> T:
    """A copy of a model with all its numbers in float64, those too that are kept as plain attributes."""
    twin = copy.deepcopy(model).double()
    parts: list[nn.Module] = list(twin.modules())
    for part in parts:
        for name, value in list(vars(part).items()):
            if isinstance(value, Tensor):
                object.__setattr__(part, name, doubled(value))
    return twin


def doubled(value: Tensor) -> Tensor:
    """Real numbers in float64, others as they are."""
    return value.double() if value.is_floating_point() else value
