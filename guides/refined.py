"""The semi-amortized guide: start from the encoder's output, and improve it for each datum by itself."""

from __future__ import annotations

__all__ = ["Refined"]

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.arguments import finite_number, whole_number
from ppgen.checked import checked
from ppgen.context import preserved_state, validation
from ppgen.declare import ModelGuide, Site
from ppgen.errors import SettingError
from ppgen.guides.derived import DerivedGuide
from ppgen.inference import elbo_parts, elbo_per_datum, repeat_rows

_ROW = "_row"  # no site can have this name
_KEPT = 3  # results for other batches, beside the last
_RATE = 0.7  # of Adam, times the square root of the number of steps
_OUTPUTS = 100  # of a head: more of them move less each, as the cost of their noise is a sum over all
_TRIALS = 64  # where a start is a nat off, one draw of its bound has a spread of more than a nat


class Refined(ModelGuide):
    """``q(z | x; f(x) + d(x))``, with ``d(x) = argmax_d ELBO(x; f(x) + d)`` found by gradient steps at evaluation time.

    An encoder f that serves all data serves none of them best: the amortization gap (Cremer, Li & Duvenaud, 2018). Here
    the numbers that its heads give for one datum, means and scales, are only where a local optimisation begins (Kim et
    al., 2018, Semi-amortized variational autoencoders; Hjelm et al., 2016). What comes out is a guide like any other:
    its ELBO is a lower bound, and it never is worse than the encoder's but by chance, since a datum keeps its start
    unless fresh draws find the end better.

    Encoder, model, and the random state of the process stay as they are. Results are kept for the last batches of
    several sizes, until a weight changes, so that many draws cost one optimisation. In training mode the encoder's own
    output is used: weights are trained as without this class, and nothing is unrolled.

    Args:
        guide: a derived guide that is fitted already.
        steps: of Adam. What is kept is the mean over their second half, in which the noise of the draws averages out,
            while all steps are long enough to leave a start that is far off (Polyak & Juditsky, 1992, Acceleration of
            stochastic approximation by averaging).
        num_particles: draws for each datum in a step. A guide of many numbers, such as
            :class:`~ppgen.guides.FullRank` over tens of latents, needs several.
        learning_rate: in units of what the heads give; by default ``0.7 / sqrt(steps)``, since more steps go further
            and can be finer as well, and for a head of n > 100 numbers ``sqrt(n / 100)`` times less.
        seed: of the noise of the optimisation.

    Raises:
        SettingError: for another guide, or one that has not seen data yet; on settings out of range.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> fit = ppgen.fit(model, "digits", max_epochs=1, progress=False)
        >>> before = fit.elbo(num_particles=10).value
        >>> fit.guide = Refined(fit.guide, steps=20)
        >>> fit.elbo(num_particles=10).value > before
        True
    """

    @checked
    def __init__(
        self,
        guide: DerivedGuide,
        *,
        steps: int = 50,
        num_particles: int = 1,
        learning_rate: float | None = None,
        seed: int = 0,
    ) -> None:
        if not isinstance(guide, DerivedGuide) or not guide.is_ready:
            raise SettingError(
                "Refined: there is no encoder to start from",
                expected="a derived guide that has been fitted, or set up on a batch",
                got=f"{type(guide).__name__}" + (", not set up" if isinstance(guide, DerivedGuide) else ""),
                fix="fit = ppgen.fit(model, data, guide=guide); fit.guide = ppgen.guides.Refined(fit.guide)",
                code="S126",
            )
        super().__init__(guide.model)
        self.guide, self.seed = guide, seed
        self.steps = whole_number("Refined: steps", steps, suggested=50)
        self.num_particles = whole_number("Refined: num_particles", num_particles, suggested=1)
        if learning_rate is not None:
            finite_number("Refined: learning_rate", learning_rate, above=0, suggested=0.1)
        self.learning_rate = learning_rate
        self._known: dict[tuple[object, ...], _Known] = {}

    @property
    def sites(self) -> Mapping[str, Site]:
        """The guide's sites."""
        return self.guide.sites

    def forward(self, batch: Mapping[str, Tensor] | None = None, size: int | None = None) -> dict[str, Tensor]:
        """Draw all latents given a batch, [rows, *event] each.

        Args:
            batch: as in ``Model.forward``.
            size: as in ``Model.forward``.
        """
        if self.training or not batch or not self.guide.heads:
            return self.guide(batch, size)
        return self.guide(batch, size, self.shifts(batch))

    def shifts(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Shifts of each head's output, ``[rows, num_outputs]``: found at the first call, then remembered.

        Rows that are copies of each other, as particles are, are optimised once.
        """
        distinct, which = _distinct(batch)
        weights = [(p.data_ptr(), p._version) for part in (self.model, self.guide) for p in part.parameters()]
        # Looks at a few rows alternate with runs on all: neither drives out the other.
        kind = (len(next(iter(distinct.values()))), *batch)
        known = self._known.get(kind)
        if (
            known is None
            or known.weights != weights
            or any(not torch.equal(known.batch[name], distinct[name]) for name in distinct)
        ):
            known = _Known(distinct, weights, self._optimise(distinct))
            self._known = {**dict([*self._known.items()][-_KEPT:]), kind: known}
        return {name: shift[which] for name, shift in known.shifts.items()}

    def _optimise(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The best shifts that were found for a batch, 0 where none was better than none."""
        features = next(self.guide.heads.parameters())
        rows = len(next(iter(batch.values())))
        numbered = batch | {_ROW: torch.arange(rows, device=features.device)}
        heads: dict[str, Any] = dict(self.guide.heads.items())
        none = {name: features.new_zeros(rows, head.out_features) for name, head in heads.items()}
        with preserved_state(nn.ModuleList([self.model, self.guide])), validation(False):
            torch.manual_seed(self.seed)
            with torch.enable_grad():
                found = self._ascend(numbered, none)
            better = self._bound(numbered, found) > self._bound(numbered, none)
        return {name: torch.where(better.unsqueeze(-1), shift, none[name]) for name, shift in found.items()}

    def _ascend(self, batch: dict[str, Tensor], start: dict[str, Tensor]) -> dict[str, Tensor]:
        shifts = {name: shift.clone().requires_grad_() for name, shift in start.items()}
        optimizer = torch.optim.Adam([{"params": [shift], "lr": self._rate(shift)} for shift in shifts.values()])
        rows, first_kept = len(batch[_ROW]), self.steps // 2
        batch = repeat_rows(batch, self.num_particles)
        kept = {name: torch.zeros_like(shift) for name, shift in start.items()}
        for step in range(self.steps):
            drawn = elbo_parts(self.model, _Shifted(self.guide, shifts), batch, rows * self.num_particles)
            loss = (drawn.distortion + drawn.rate) * rows
            found = torch.autograd.grad(loss, list(shifts.values()), allow_unused=True)
            for shift, gradient in zip(shifts.values(), found, strict=True):
                # A draw that is not finite moves nothing: it belongs to one datum, and there are other steps.
                shift.grad = None if gradient is None else gradient.nan_to_num(0.0, 0.0, 0.0)
            optimizer.step()
            if step >= first_kept:
                for name, shift in shifts.items():
                    kept[name].add_(shift.detach(), alpha=1.0 / (self.steps - first_kept))
        return kept

    def _rate(self, shift: Tensor) -> float:
        if self.learning_rate is not None:
            return self.learning_rate
        return _RATE / math.sqrt(self.steps * max(1.0, shift.shape[1] / _OUTPUTS))

    def _bound(self, batch: dict[str, Tensor], shifts: dict[str, Tensor]) -> Tensor:
        """The ELBO of each datum, [rows], by the same few draws for any shifts; of all data, if a latent is global."""
        torch.manual_seed(self.seed + 1)
        guide, rows = _Shifted(self.guide, shifts), len(batch[_ROW])
        if all(site.local for site in self.model.sites.values()):
            return torch.stack([elbo_per_datum(self.model, guide, batch) for _ in range(_TRIALS)]).mean(0)
        draws = [elbo_parts(self.model, guide, batch, rows) for _ in range(_TRIALS)]
        return -torch.stack([drawn.distortion + drawn.rate for drawn in draws]).mean().expand(rows)


@dataclasses.dataclass(frozen=True)
class _Known:
    """What was found for a batch, at certain weights."""

    batch: dict[str, Tensor]
    weights: list[tuple[int, int]]
    shifts: dict[str, Tensor]


class _Shifted:
    """A guide at shifts for every row of the batch that it was made for; summing out discrete latents copies rows."""

    is_implicit = False
    is_declared = True

    def __init__(self, guide: DerivedGuide, shifts: Mapping[str, Tensor]) -> None:
        self.guide, self.shifts = guide, shifts
        self.sites, self.covariates, self.plates = guide.sites, guide.covariates, guide.plates

    def __call__(self, batch: Any = None, size: int | None = None) -> dict[str, Tensor]:
        return self.guide(batch, size, {name: shift[batch[_ROW]] for name, shift in self.shifts.items()})


def _distinct(batch: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
    """The rows of a batch that differ, in an order that depends on nothing else, and which of them each row is."""
    flat = torch.cat([value.reshape(len(value), -1).double() for value in batch.values()], 1)
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(flat.shape[1], dtype=flat.dtype, generator=generator).to(flat.device)
    _, which = torch.unique((flat * weights).sum(1), return_inverse=True)
    first = torch.full((int(which.max()) + 1,), len(flat), device=flat.device)
    first = first.scatter_reduce(0, which, torch.arange(len(flat), device=flat.device), "amin")
    return {name: value[first] for name, value in batch.items()}, which
