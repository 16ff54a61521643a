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

from ppgen.arguments import finite_number
from ppgen.distributions.causal_network import CausalNetwork
from ppgen.distributions.causality import verify_causal
from ppgen.distributions.conditionals import Bernoulli, Conditional
from ppgen.distributions.in_order import draw_all
from ppgen.distributions.orders import Order, raster
from ppgen.distributions.own_positions import cleared, must_end_last
from ppgen.distributions.parts_agree import must_be_events, must_be_parameters, must_be_shaped, must_fit, must_support
from ppgen.distributions.serving_orders import verify_given
from ppgen.distributions.tempering import Tempered


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
            last; a conditional that is none, or, when it is called, a network whose output is not what the family
            needs, or a family whose numbers or draws have another shape; where arguments are validated, also a network
            that is not causal.

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
        must_fit(self.conditional, self.order, shape)
        self.channels = shape[: len(shape) - len(self.order.positions)]
        if lengths is not None:
            must_end_last(self.order)
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
            value: ``[*shape, *event]`` in the family's support; the result is the broadcast of ``shape`` and
                ``batch_shape``.
        """
        batch, parameters, value = self._in_order(value)
        return self._scored(parameters, value).sum(-1).expand(batch)

    def log_prob_per_position(self, value: Tensor) -> Tensor:
        """``log p(x_i | what is drawn before it, context)`` in nats, at the place of i; they sum to ``log_prob``.

        Args:
            value: as ``log_prob`` takes it.

        Returns:
            ``[*broadcast of shape and batch_shape, *positions]``, summed over channels; 0 behind the end of a sequence.

        Example:
            >>> from ppgen.nets import GatedPixelCNN
            >>> images, x = Autoregressive(GatedPixelCNN((1, 4, 4)), (1, 4, 4)), torch.ones(5, 1, 4, 4)
            >>> each = images.log_prob_per_position(x)
            >>> each.shape, torch.allclose(each.sum((-1, -2)), images.log_prob(x))
            (torch.Size([5, 4, 4]), True)
        """
        batch, parameters, value = self._in_order(value)
        return self._in_place(self._scored(parameters, value), batch)

    def entropy_per_position(self, value: Tensor) -> Tensor:
        """How open each position is, given what is drawn before it: ``-E log p(x_i | before)`` in nats, at i's place.

        Over draws of the distribution, its mean sums to the entropy of the whole.

        Args:
            value: as ``log_prob`` takes it; what stands at i and after it does not matter there.

        Returns:
            As ``log_prob_per_position``, of all channels together.

        Raises:
            Unanswerable: by a family that has no entropy in closed form.
        """
        batch, parameters, _ = self._in_order(value)
        entropies = self.conditional.entropy(parameters, self.channels.numel())
        return self._in_place(cleared(entropies, self.lengths, (len(self.order),), 0), batch)

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws ``[*sample_shape, *batch_shape, *event]``, position by position."""
        return draw_all(self, self._extended_shape(torch.Size(sample_shape)))

    @torch.no_grad()
    def complete(self, value: Tensor, given: Tensor) -> Tensor:
        """Draws what is hidden of events from ``p(hidden | given)``: the given is clamped, the rest drawn in order.

        That is exact only where every given position stands before every hidden one in the order; other masks are
        refused.

        Args:
            value: ``[*shape, *event]``; ``shape`` broadcasts against ``batch_shape``. Hidden values are not looked at.
            given: bool, true where a value is given: any shape that broadcasts against ``value``, such as
                ``[*positions]`` for all events alike.

        Returns:
            ``[*broadcast of shape and batch_shape, *event]``; repeat ``value`` for several completions of each.

        Raises:
            DataError: given values outside the family's support; a mask of another type or shape.
            SettingError: a mask against the order; the text says which order would serve.

        Example:
            >>> from ppgen.nets import GatedPixelCNN
            >>> upper = torch.zeros(4, 4, dtype=torch.bool)
            >>> upper[:2] = True
            >>> x = Autoregressive(GatedPixelCNN((1, 4, 4)), (1, 4, 4)).complete(torch.ones(5, 1, 4, 4), upper)
            >>> x.shape, bool(x[:, :, :2].all())
            (torch.Size([5, 1, 4, 4]), True)
        """
        event_dim = len(self.event_shape)
        must_be_events(value, self.event_shape)
        batch = torch.broadcast_shapes(value.shape[: value.dim() - event_dim], self.batch_shape)
        value = cleared(value.expand(*batch, *self.event_shape), self.lengths, self.order.positions, len(self.channels))
        known = verify_given(value, given, self.order, self.channels.numel())
        known = self.order.arrange(known.unflatten(-1, self.order.positions)).flatten(1)
        must_support(self.conditional, value, given)
        laid_out = self.order.arrange(value).reshape(len(known), self.channels.numel(), len(self.order))
        return draw_all(self, value.shape, (laid_out, known))

    def tempered(self, temperature: float) -> Autoregressive:
        """The distribution with every conditional at a temperature: below 1 surer, above 1 more varied.

        It is a distribution like any other, with an exact density of its own. It is not ``p(x) ** (1 / temperature)``,
        normalised: that would weigh whole events.

        Args:
            temperature: above 0.

        Raises:
            SettingError: for another number; when it is used, by a family that has no temperature.

        Example:
            >>> from ppgen.nets import GatedPixelCNN
            >>> Autoregressive(GatedPixelCNN((1, 4, 4)), (1, 4, 4)).tempered(0.7).sample().shape
            torch.Size([1, 4, 4])
        """
        temperature = finite_number("Autoregressive: temperature", temperature, above=0.0, suggested=1.0)
        if temperature == 1.0:
            return self
        new = copy.copy(self)
        new.conditional = Tempered(self.conditional, temperature)
        return new

    @property
    def mean(self) -> Tensor:
        """Not available: the marginal means ``[*event]`` of the positions are sums over all events."""
        raise NotImplementedError("Autoregressive has no mean in closed form; average draws: .sample((1000,)).mean(0)")

    @property
    def variance(self) -> Tensor:
        """Not available ``[*event]``, for the same reason as the mean."""
        raise NotImplementedError("Autoregressive has no variance in closed form; use draws instead")

    def _in_order(self, value: Tensor) -> tuple[torch.Size, Tensor, Tensor]:
        """The broadcast batch, then parameters and values in the order of drawing, ``[*own, num_positions, ...]``."""
        value = cleared(value, self.lengths, self.order.positions, len(self.channels))
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
        must_be_parameters(self.conditional, parameters, own, self.channels.numel(), self.order.scanned)
        if self._validate_args:
            self._must_be_causal(value, own)
        # Position by position, with what belongs to one of them last: [*batch, num_positions, ...].
        count, length = parameters.shape[len(own)], len(self.order)
        parameters = parameters.reshape(*own, count, length).mT
        return batch, parameters, value.reshape(*own, self.channels.numel(), length).mT

    def _scored(self, parameters: Tensor, value: Tensor) -> Tensor:
        """``[*own, num_positions]``: the log-probability of each position, 0 behind the end of a sequence."""
        log_probs = self.conditional.log_prob(parameters, value)
        meaning = "a number for each position, summed over channels"
        must_be_shaped(self.conditional, "log_prob", log_probs, value.shape[:-1], meaning)
        return cleared(log_probs, self.lengths, (len(self.order),), 0)

    def _in_place(self, numbers: Tensor, batch: torch.Size) -> Tensor:
        """Numbers in the order of drawing as ``[*batch, *positions]``."""
        numbers = numbers.expand(*batch, len(self.order))
        return self.order.restore(numbers.unflatten(-1, self.order.scanned))

    def _must_be_causal(self, arranged: Tensor, own: torch.Size) -> None:
        """Refuse a network that looks ahead; only where arguments are checked, since it costs two passes."""
        context = () if self.context is None else (self.context.expand(*own, -1).reshape(own.numel(), -1),)
        values = arranged.reshape(own.numel(), *self.channels, *self.order.scanned)
        verify_causal(self.network, values, len(self.channels), *context)
