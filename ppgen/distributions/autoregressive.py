"""A causal network as a distribution: one position after the other, with an exact density."""

from __future__ import annotations

__all__ = ["Autoregressive"]

import copy
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from ppgen.distributions.causal_network import CausalNetwork, SteppingNetwork, WholePasses
from ppgen.distributions.causality import verify_causal
from ppgen.distributions.conditionals import Bernoulli, Conditional
from ppgen.distributions.orders import Order, raster
from ppgen.errors import SettingError

CHUNK_VALUES = 2**18  # drawn together: bounds the memory of the network's hidden states


class Autoregressive(TorchDistribution):
    """The distribution of images or sequences whose positions are drawn one after the other.

    By the chain rule every distribution is a product of conditionals, in whichever order its positions are taken:

    ``log p(x | context) = sum_k log p(x_{o(k)} | x_{o(0)} .. x_{o(k-1)}, context)``

    Three things are chosen, each alone:

    - the **network**, which gives the parameters of all conditionals in one pass, and is *causal*: those of position k
      do not depend on values from k on. Then ``log_prob`` is exact at the price of one pass;
    - the **conditional** family, ``p(x_{o(k)} | ...)``: ``conditionals.Bernoulli()``, ``conditionals.Categorical(4)``;
    - the **order** o: ``orders.raster(...)`` and its symmetries, ``orders.permutation(...)``. The network reads values
      in the order of their drawing, so that any causal network with any order is a proper distribution.

    A *position* is what is drawn at once: a pixel with its channels, or one token of a sequence. The event is
    ``[*channels, *positions]``, and the family decides how the channels of a position depend on each other. For
    channels drawn one after the other, let them be positions: ``order=orders.raster((3, 32, 32))``.

    ``sample`` needs one step for each position: cheap steps for a network with ``start`` and ``step`` such as
    ``ppgen.nets.GatedPixelCNN``, a whole pass each for any other. The parameters live in the network, not here: an
    instance is as cheap as a ``Normal`` and is made anew at every call of a model. Draws have no pathwise gradient, so
    it is no family for a guide.

    References: Y. Bengio and S. Bengio, "Modeling high-dimensional discrete data with multi-layer neural networks",
    2000; A. van den Oord et al., "Pixel recurrent neural networks", 2016 (arXiv 1601.06759).

    Args:
        network: a torch module, ``network(x)`` or ``network(x, context)``: ``[*batch, *channels, *scanned]`` ->
            ``[*batch, num_parameters, *scanned]``, where ``scanned`` is the order's (``positions``, but for a
            transposed raster). :class:`~ppgen.distributions.CausalNetwork` says what it must hold to.
        event_shape: ``[*channels, *positions]``: ``(channels, height, width)`` of an image, ``(length,)`` of a
            sequence.
        context: ``[*batch_shape, context_dim]``, or None. Labels come one-hot, an image comes flattened.
        conditional: the family of one position given those before it.
        order: of the positions; its ``positions`` are the last dims of the event, and all dims before them are
            channels. Default: raster order, over height and width of an event with three dims, over all of any other.
        lengths: ``[*batch_shape]``, how many positions of each datum are its own, from the first on; None where all
            are. What stands behind them has no density, is not looked at, and is drawn as zeros.

    Raises:
        SettingError: an order that is not for this event, or, with lengths, does not go from the first position to the
            last; a conditional that is none, or, when it is called, a network
            whose output is not what the family needs, or a family whose numbers or draws have another shape; where
            arguments are validated (``validate_args``), also a network that is not causal.

    Shapes:
        batch_shape is that of context and lengths, or ``()``; ``log_prob`` broadcasts values and batch_shape against
        each other.

    Example:
        >>> import torch
        >>> from ppgen.distributions import conditionals, orders
        >>> from ppgen.nets import GatedPixelCNN
        >>> images = Autoregressive(GatedPixelCNN((1, 4, 4)), (1, 4, 4)).expand([3])
        >>> x = images.sample()
        >>> x.shape, images.log_prob(x).shape
        (torch.Size([3, 1, 4, 4]), torch.Size([3]))

        Three grey levels, from the lowest row up:

        >>> upwards = orders.raster((4, 4), flip=(0,))
        >>> network = GatedPixelCNN((1, 4, 4), num_parameters=3, highest=2)
        >>> Autoregressive(network, (1, 4, 4), conditional=conditionals.Categorical(3), order=upwards).sample().shape
        torch.Size([1, 4, 4])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    has_rsample = False

    def __init__(
        self,
        network: CausalNetwork,
        event_shape: Sequence[int],
        context: Tensor | None = None,
        conditional: Conditional | None = None,
        order: Order | None = None,
        lengths: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        shape = torch.Size(event_shape)
        self.network, self.context, self.lengths = network, context, lengths
        self.conditional = Bernoulli() if conditional is None else conditional
        self.order = raster(shape[1:] if len(shape) == 3 else shape) if order is None else order
        _must_fit(self.conditional, self.order, shape, lengths is not None)
        self._channels = shape[: len(shape) - len(self.order.positions)]
        batch_shapes = [() if context is None else context.shape[:-1], () if lengths is None else lengths.shape]
        super().__init__(torch.broadcast_shapes(*batch_shapes), shape, validate_args=validate_args)

    @property
    def support(self) -> Any:
        """The family's, for every value of the event."""
        return constraints.independent(self.conditional.support, len(self.event_shape))

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Autoregressive:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        new = copy.copy(self)
        new._batch_shape = torch.Size(batch_shape)
        if self.context is not None:
            new.context = self.context.expand(*new._batch_shape, -1)
        if self.lengths is not None:
            new.lengths = self.lengths.expand(new._batch_shape)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probabilities in nats; log-densities where the family is continuous.

        Args:
            value: ``[*shape, *event]`` in the family's support; ``shape`` broadcasts against ``batch_shape``.

        Returns:
            The broadcast of ``shape`` and ``batch_shape``.
        """
        if self.lengths is not None:
            value = self._cleared(value)
        if self._validate_args:
            self._validate_sample(value)
        own = value.shape[: value.dim() - len(self.event_shape)]
        batch = torch.broadcast_shapes(own, self.batch_shape)
        if self.context is None:
            # Without a context the batch dimensions are copies: one pass over the values serves them all.
            value = self.order.arrange(value)
            parameters = self.network(value)
        else:
            own, value = batch, self.order.arrange(value.expand(*batch, *self.event_shape))
            parameters = self.network(value, self.context)
        self._check(parameters, own, self.order.scanned)
        if self._validate_args:
            self._must_be_causal(value, own)
        count, length = parameters.shape[len(own)], len(self.order)
        # Position by position, with what belongs to one of them last: [*batch, num_positions, ...].
        parameters = parameters.reshape(*own, count, length).mT
        value = value.reshape(*own, self._channels.numel(), length).mT
        log_probs = self.conditional.log_prob(parameters, value)
        self._must_be_shaped("log_prob", log_probs, (*own, length), "a number for each position, summed over channels")
        if self.lengths is not None:
            log_probs = log_probs.where(self._is_own().flatten(-len(self.order.positions)), 0.0)
        return log_probs.sum(-1).expand(batch)

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws ``[*sample_shape, *batch_shape, *event]``, position by position."""
        shape = self._extended_shape(torch.Size(sample_shape))
        batch = shape[: len(shape) - len(self.event_shape)]
        size, chunk = batch.numel(), max(1, CHUNK_VALUES // self.event_shape.numel())
        contexts = None
        if self.context is not None:
            contexts = self.context.expand(*batch, -1).reshape(size, self.context.shape[-1])
        parts = [
            self._draw(min(chunk, size - first), None if contexts is None else contexts[first : first + chunk])
            for first in range(0, max(size, 1), chunk)
        ]
        drawn = torch.cat(parts).reshape(shape)
        return drawn if self.lengths is None else self._cleared(drawn)

    @property
    def mean(self) -> Tensor:
        """Not available: the marginal means ``[*event]`` of the positions are sums over all events."""
        raise NotImplementedError(
            "Autoregressive has no mean in closed form: what is drawn at a position depends on those drawn before it; "
            "average draws instead: distribution.sample((1000,)).mean(0)"
        )

    @property
    def variance(self) -> Tensor:
        """Not available ``[*event]``, for the same reason as the mean."""
        raise NotImplementedError("Autoregressive has no variance in closed form; use draws instead")

    def _is_own(self) -> Tensor:
        """``[*lengths.shape, *positions]``: which positions are a datum's own."""
        lengths = torch.as_tensor(self.lengths)
        count = torch.arange(len(self.order), device=lengths.device).reshape(self.order.positions)
        return count < lengths[(..., *[None] * count.dim())]

    def _cleared(self, values: Tensor) -> Tensor:
        """Values ``[*batch, *event]`` with zeros where they are not a datum's own."""
        is_own = self._is_own()
        for _ in self._channels:
            is_own = is_own.unsqueeze(-1 - len(self.order.positions))
        return values.where(is_own, 0.0)

    def _draw(self, size: int, context: Tensor | None) -> Tensor:
        """``size`` events, in the order of their drawing."""
        like = next(iter(self.network.parameters()), torch.empty(()))
        channels, scanned = self._channels.numel(), (*self._channels, *self.order.scanned)
        values = like.new_zeros(size, channels, len(self.order))
        network: SteppingNetwork[Any] = (
            self.network
            if isinstance(self.network, SteppingNetwork)
            else WholePasses(self.network, values.new_zeros(values.shape[1:]), scanned)
        )
        state, drawn = network.start(size, context), like.new_zeros(size, channels)
        for position in range(len(self.order)):
            parameters, state = network.step(state, drawn, position)
            self._check(parameters, (size,), ())
            drawn = self.conditional.sample(parameters, channels)
            self._must_be_shaped("sample", drawn, (size, channels), "a value for each channel of a position")
            values[..., position] = drawn
        return self.order.restore(values.reshape(size, *scanned))

    def _must_be_causal(self, arranged: Tensor, own: torch.Size) -> None:
        """Refuse a network that looks ahead; only where arguments are checked, since it costs two passes."""
        context = () if self.context is None else (self.context.expand(*own, -1).reshape(own.numel(), -1),)
        values = arranged.reshape(own.numel(), *self._channels, *self.order.scanned)
        verify_causal(self.network, values, len(self._channels), *context)

    def _must_be_shaped(self, method: str, found: Tensor, wanted: tuple[int, ...], meaning: str) -> None:
        """Refuse what a family returns in another shape: it would broadcast to a wrong number."""
        if tuple(found.shape) != wanted:
            raise SettingError(
                f"Autoregressive: {method} of {type(self.conditional).__name__} has another shape than asked",
                expected=f"{list(wanted)}, {meaning}",
                got=f"shape {list(found.shape)}",
                fix="sum over the last dim alone: .sum(-1)"
                if method == "log_prob"
                else "return draws [..., channels] for parameters [..., num_parameters]",
                code="S135",
            )

    def _check(self, parameters: Tensor, batch: Sequence[int], scanned: Sequence[int]) -> None:
        """Refuse parameters that are not the family's: they could broadcast to a wrong number."""
        wanted = (*batch, self.conditional.num_parameters(self._channels.numel()), *scanned)
        if tuple(parameters.shape) != wanted:
            raise SettingError(
                f"Autoregressive: the network's output is not what {self.conditional} needs",
                expected=f"parameters of shape {list(wanted)}: [*batch, num_parameters, *positions]",
                got=f"shape {list(parameters.shape)}",
                fix=f"a network with num_parameters={wanted[len(batch)]}, such as "
                f"ppgen.nets.GatedPixelCNN(x_shape, num_parameters={wanted[len(batch)]})",
                code="S050",
            )


def _must_fit(conditional: Any, order: Any, event_shape: torch.Size, has_lengths: bool) -> None:
    if not isinstance(conditional, Conditional):
        raise SettingError(
            "Autoregressive: the conditional is no family of ours",
            expected="an instance of ppgen.distributions.Conditional",
            got=repr(conditional),
            fix="conditional=conditionals.Bernoulli(), from ppgen.distributions import conditionals",
            code="S051",
        )
    ordered = order.positions if isinstance(order, Order) else None
    if not ordered or event_shape[-len(ordered) :] != ordered:
        raise SettingError(
            "Autoregressive: the order is not for this event",
            expected=f"an order of the last dims of the event {tuple(event_shape)}",
            got=f"an order of {ordered}" if ordered else repr(order),
            fix=f"order=orders.raster({tuple(event_shape[1:] if len(event_shape) == 3 else event_shape)}), "
            "from ppgen.distributions import orders",
            code="S052",
        )
    if has_lengths and order.index is not None:
        raise SettingError(
            "Autoregressive: lengths need an order that goes from the first position to the last",
            expected="the order in which what stands behind the length is drawn last",
            got="another order of the positions",
            fix=f"order=orders.raster({order.positions}), which is the default",
        )
