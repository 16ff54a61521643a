"""Conditional families: the distribution of one position of an autoregressive model, given the positions before it."""

from __future__ import annotations

__all__ = ["Bernoulli", "Categorical", "Conditional", "LogisticMixture", "Normal", "NormalMixture", "OfPixel"]

import dataclasses
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints
from torch.nn import functional

from ppgen.arguments import whole_number
from ppgen.distributions.conditional import Conditional
from ppgen.distributions.logistic_mixture import LogisticMixture
from ppgen.distributions.normal_conditionals import Normal, NormalMixture


@dataclasses.dataclass(frozen=True)
class Bernoulli(Conditional):
    """Zeros and ones: ``p(x = 1) = sigmoid(logit)``, one logit for each channel; channels are independent.

    Example:
        >>> Bernoulli().log_prob(torch.zeros(5, 1), torch.ones(5, 1)).exp()
        tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000])
    """

    @property
    def support(self) -> Any:
        """0 or 1."""
        return constraints.boolean

    @property
    def measure(self) -> str:
        """``"binary"``."""
        return "binary"

    def num_parameters(self, channels: int) -> int:
        """A logit for each channel."""
        return channels

    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        """``sum_c x_c log p_c + (1 - x_c) log (1 - p_c)``, in nats.

        Args:
            parameters: logits ``[..., channels]``.
            value: ``[..., channels]``, zeros and ones.

        Returns:
            ``[...]``
        """
        return -functional.binary_cross_entropy_with_logits(parameters, value, reduction="none").sum(-1)

    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        """Zeros and ones ``[..., channels]``.

        Args:
            parameters: logits ``[..., channels]``.
            channels: values of a position.
        """
        return torch.bernoulli(parameters.sigmoid())

    def sharpened(self, parameters: Tensor, temperature: float) -> Tensor:
        """Logits divided by the temperature: odds to the power of ``1 / temperature``."""
        return parameters / temperature

    def entropy(self, parameters: Tensor, channels: int) -> Tensor:
        """``-sum_c p_c log p_c + (1 - p_c) log (1 - p_c)``, ``[...]`` in nats."""
        return torch.distributions.Bernoulli(logits=parameters, validate_args=False).entropy().sum(-1)


@dataclasses.dataclass(frozen=True)
class Categorical(Conditional):
    """One of ``levels`` values ``0, 1 .. levels - 1``, kept as floats: ``p(x = k) = softmax(logits)_k``.

    Nothing is assumed of the values: that 17 is close to 18 has to be learnt. Channels are independent, each with
    logits of its own. A logit of ``-inf`` rules a value out, such as a word after the end of a sentence.

    Args:
        levels: 2 to 256.

    Raises:
        SettingError: another number of levels.

    Example:
        >>> grey = Categorical(4)
        >>> grey.num_parameters(channels=3)
        12
        >>> grey.log_prob(torch.zeros(5, 12), torch.ones(5, 3)).exp()  # 4 ** -3
        tensor([0.0156, 0.0156, 0.0156, 0.0156, 0.0156])
    """

    levels: int

    def __post_init__(self) -> None:
        whole_number("Categorical: levels", self.levels, at_least=2, at_most=256)

    @property
    def support(self) -> Any:
        """Integers from 0 to ``levels - 1``."""
        return constraints.integer_interval(0, self.levels - 1)

    @property
    def measure(self) -> str:
        """``"binary"`` for 2 levels, ``"8-bit"`` for 256, else ``"integer"``."""
        return {2: "binary", 256: "8-bit"}.get(self.levels, "integer")

    def num_parameters(self, channels: int) -> int:
        """A logit for each level of each channel: the levels of the first channel, of the second, and so on."""
        return channels * self.levels

    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        """``sum_c logit_c[x_c] - log sum_k exp logit_c[k]``, in nats.

        Args:
            parameters: logits ``[..., channels * levels]``.
            value: ``[..., channels]``, integers from 0 to ``levels - 1``.

        Returns:
            ``[...]``
        """
        logits = self._logits(parameters)
        chosen = logits.gather(-1, value.long().unsqueeze(-1)).squeeze(-1)
        return (chosen - logits.logsumexp(-1)).sum(-1)

    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        """Levels ``[..., channels]``, as floats.

        Args:
            parameters: logits ``[..., channels * levels]``.
            channels: values of a position.
        """
        logits = self._logits(parameters)
        # A race: of clocks with rates exp(logit), level k rings first with probability softmax(logits)_k. Unlike a
        # search in cumulated probabilities it has no rounding at the upper end, and it makes no device wait.
        waiting = torch.empty_like(logits).exponential_()
        return (logits - waiting.log()).argmax(-1).to(logits.dtype)

    def sharpened(self, parameters: Tensor, temperature: float) -> Tensor:
        """Logits divided by the temperature: probabilities to the power of ``1 / temperature``, normalised again."""
        return parameters / temperature

    def entropy(self, parameters: Tensor, channels: int) -> Tensor:
        """``-sum_c sum_k p_ck log p_ck``, ``[...]`` in nats; a value that is ruled out adds nothing."""
        return torch.distributions.Categorical(logits=self._logits(parameters), validate_args=False).entropy().sum(-1)

    def _logits(self, parameters: Tensor) -> Tensor:
        return parameters.unflatten(-1, (-1, self.levels))


@dataclasses.dataclass(frozen=True, eq=False)
class OfPixel(Conditional):
    """The family that a likelihood of one pixel gives, which says how the channels of a pixel depend on each other.

    Args:
        likelihood: maps ``[..., num_parameters]`` to a distribution with events ``[channels]``, such as
            ``ppgen.nets.CategoricalLikelihood((3,), levels=256, white=1.0)``; its ``shape`` is ``(num_parameters,)``.

    Example:
        >>> from ppgen.nets import CategoricalLikelihood
        >>> colour = OfPixel(CategoricalLikelihood((3,), levels=256, white=1.0))
        >>> colour.num_parameters(channels=3), colour.measure
        (768, '8-bit')
    """

    likelihood: Any

    @property
    def support(self) -> Any:
        """That of one value."""
        support = self._of_zeros().support
        while isinstance(support, constraints.independent):
            support = support.base_constraint
        return support

    @property
    def measure(self) -> str:
        """``"8-bit"`` on 256 levels, ``"binary"`` of bits, ``"integer"`` of other discrete values."""
        support = self.support
        if support is constraints.boolean:
            return "binary"
        levels = getattr(support, "levels", 0)
        return "8-bit" if levels == 256 else "integer" if support.is_discrete else "continuous"

    def num_parameters(self, channels: int) -> int:
        """What the likelihood takes; it knows its channels itself."""
        return int(self.likelihood.shape[0])

    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        """Log-densities in nats, summed over channels.

        Args:
            parameters: ``[..., num_parameters]``.
            value: ``[..., channels]``.

        Returns:
            ``[...]``
        """
        return self.likelihood(parameters).log_prob(value)

    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        """Draws ``[..., channels]``.

        Args:
            parameters: ``[..., num_parameters]``.
            channels: values of a position.
        """
        return self.likelihood(parameters).sample().to(parameters.dtype)

    def sharpened(self, parameters: Tensor, temperature: float) -> Tensor:
        """As the likelihood says: logits are divided by the temperature; most of other numbers have none."""
        found = self.likelihood.sharpened(parameters, temperature)
        return super().sharpened(parameters, temperature) if found is None else found

    def entropy(self, parameters: Tensor, channels: int) -> Tensor:
        """That of the likelihood's distribution, ``[...]`` in nats."""
        try:
            return self.likelihood(parameters).entropy()
        except NotImplementedError:
            return super().entropy(parameters, channels)

    def _of_zeros(self) -> Any:
        return self.likelihood(torch.zeros(1, *self.likelihood.shape))
