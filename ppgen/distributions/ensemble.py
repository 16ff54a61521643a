"""An ensemble of distributions over the same events: the mixture in which all members weigh the same."""

from __future__ import annotations

__all__ = ["Ensemble"]

import copy
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor

from ppgen.errors import SettingError


class Ensemble(TorchDistribution):
    """``p(x) = 1/K sum_k p_k(x)``: probabilities are averaged, and so is its density that of a distribution.

    For autoregressive members that differ in their order this is the honest average of orders: averages of
    log-probabilities, or of conditionals, are no densities. It is at least as high as the average of the members' log
    densities, and never higher than the best member's.

    Unlike :class:`~ppgen.distributions.EqualMixture`, whose components are one distribution with a batch of K, the
    members may be of different kinds, networks and orders.

    Args:
        members: one or more, of the same batch shape and event shape.

    Raises:
        SettingError: no member, or members of different shapes.

    Shapes:
        batch_shape and event_shape are the members'.

    Example:
        >>> from ppgen.distributions import Autoregressive
        >>> from ppgen.nets import MADE
        >>> network = MADE((1, 2, 3), (8,), num_masks=2, order="random")
        >>> members = [Autoregressive(each, (1, 2, 3), order=each.order) for each in network.members]
        >>> Ensemble(members).expand([5]).sample().shape
        torch.Size([5, 1, 2, 3])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    has_rsample = False

    def __init__(self, members: Sequence[TorchDistribution], validate_args: bool | None = None) -> None:
        self.members = tuple(members)
        shapes = {(each.batch_shape, each.event_shape) for each in self.members}
        if len(shapes) != 1:
            raise SettingError(
                "Ensemble: the members are not of one shape",
                expected="one member or more, of the same batch shape and event shape",
                got=", ".join(f"{list(batch)} {list(event)}" for batch, event in sorted(shapes)) or "no members",
                fix="expand each to the same batch shape: member.expand(batch_shape)",
                code="S178",
            )
        super().__init__(*shapes.pop(), validate_args=validate_args)

    @property
    def support(self) -> Any:
        """The members' support."""
        return self.members[0].support

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Ensemble:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        new = copy.copy(self)
        new._batch_shape = torch.Size(batch_shape)
        new.members = tuple(each.expand(new._batch_shape) for each in self.members)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """``logsumexp_k log p_k(value) - log K``, in nats: ``[*shape]`` for values ``[*shape, *event]``."""
        each = torch.stack([member.log_prob(value) for member in self.members])
        return each.logsumexp(0) - math.log(len(self.members))

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws ``[*sample_shape, *batch_shape, *event_shape]``, each from a member drawn at random.

        Every member draws for all of the batch, and what was not asked of it is dropped.
        """
        shape = self._extended_shape(torch.Size(sample_shape))
        which = torch.randint(len(self.members), shape[: len(shape) - len(self.event_shape)])
        which = which.reshape(*which.shape, *(1 for _ in self.event_shape))
        drawn: Tensor = self.members[0].sample(torch.Size(sample_shape))
        for number, member in enumerate(self.members[1:], start=1):
            drawn = torch.where(which.to(drawn.device) == number, member.sample(torch.Size(sample_shape)), drawn)
        return drawn

    def tempered(self, temperature: float) -> Ensemble:
        """The ensemble of its members at a temperature.

        Args:
            temperature: above 0.
        """
        new = copy.copy(self)
        new.members = tuple(each.tempered(temperature) for each in self.members)
        return new
