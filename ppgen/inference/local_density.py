"""The log joint of each datum and its latents, and the guide's density, as functions of free coordinates alone."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.declare import label_of
from ppgen.errors import Unanswerable
from ppgen.inference.batch_trace import discrete_sites, enumerate_discrete
from ppgen.inference.bound import data_frame, per_datum
from ppgen.inference.free_coordinates import FreeCoordinates
from ppgen.inference.importance import logsumexp_by_datum, only_latent, repeat_rows
from ppgen.inference.paired_trace import PairedSite, trace_guide, trace_pair
from ppgen.inference.posterior import draw_posterior

__all__ = ["LocalDensity"]


class LocalDensity:
    """``log p(x_i, u)`` and ``log q(u | x_i)`` for several chains of every datum at once, u in R^D.

    u are the free coordinates of all local latents of a datum, and both densities are with respect to u, so that
    their difference is the log importance weight. Discrete latents are summed out of each where the guide lets them.
    Chains are rows of the batch, so that any network can run them, and one backward pass gives all gradients. What
    calls this stands in an evaluating block.

    Args:
        model: the model, all of whose latents are local.
        guide: the guide.
        batch: values by site and covariate, [N, ...] each.
        num_chains: C.

    Raises:
        Unanswerable: naming a latent that is global, or that has no free coordinates; or a guide that draws more than
            the model's latents, whose density is an integral.
    """

    def __init__(self, model: Any, guide: Any, batch: Mapping[str, Tensor], num_chains: int) -> None:
        self.model, self.guide, self.batch, self.num_chains = model, guide, batch, num_chains
        self.num_data = len(next(iter(batch.values())))
        self._wide = repeat_rows(batch, num_chains)
        names = discrete_sites(guide, batch)
        self._enumerated = enumerate_discrete(guide, self._wide, names) if names else None
        self._only = only_latent(model, guide, batch)
        drawn = trace_guide(guide, self._rows, len(self) if self._enumerated is None else len(self._enumerated.datum))
        if extra := sorted(set(drawn) - set(model.sites)):
            raise Unanswerable(
                f"the density of {label_of(guide)} at given latents is an integral over {', '.join(extra)}",
                expected="a guide that draws the latents of the model, and nothing else",
                got=f"guide sites {', '.join(sorted(drawn))}",
                fix="fit.log_prob(data): the bound by importance weights holds for such a guide too",
                code="U058",
            )
        first = _Run(model, self._rows, FreeCoordinates(values={name: draw.value for name, draw in drawn.items()}))
        self.shapes = {name: one.shape[1:] for name, one in first.coordinates.free.items()}
        self._sizes = [shape.numel() for shape in self.shapes.values()]
        if not self.shapes:
            raise Unanswerable(
                f"{label_of(model)} has no continuous latent, so that there is nothing for dynamics to move",
                expected="a continuous latent for each datum",
                got=f"latents {', '.join(names)}, which are summed out",
                fix="fit.log_prob(data) and fit.encode(data), which are sums over all their values",
                code="U059",
            )

    def __len__(self) -> int:
        """Rows: chains times data."""
        return self.num_chains * self.num_data

    @property
    def dim(self) -> int:
        """Free coordinates of a datum, D."""
        return sum(self._sizes)

    def draw(self) -> Tensor:
        """The coordinates of draws from the guide, [C, N, D]."""
        seed = int(torch.randint(2**62, ()))
        drawn = draw_posterior(self.model, self.guide, self.batch, self.num_chains, seed=seed)
        return self.coordinates({name: value.flatten(0, 1) for name, value in drawn.items()})

    def coordinates(self, values: Mapping[str, Tensor]) -> Tensor:
        """The coordinates of given latents, [C, N, D].

        Args:
            values: by latent, [C * N, *event] each, discrete ones too.
        """
        given = {name: value for name, value in values.items() if name not in self.shapes}
        run = _Run(self.model, {**self._wide, **given}, FreeCoordinates(values=values))
        flat = [run.coordinates.free[name].reshape(len(self), -1) for name in self.shapes]
        return torch.cat(flat, 1).reshape(self.num_chains, self.num_data, -1)

    def latents(self, free: Tensor) -> dict[str, Tensor]:
        """The latents that coordinates stand for, [C, N, *event] each; none of those that are summed out.

        Args:
            free: [C, N, D].
        """
        values = self._at(free).coordinates.values
        found = {}
        for name in self.shapes:
            value = values[name]
            if self._enumerated is not None:
                datum = self._enumerated.datum
                first = value[_first_rows(datum, len(self))]
                if not torch.equal(value, first[datum]):
                    raise Unanswerable(
                        f"the support of the latent {name!r} depends on a discrete latent that is summed out",
                        expected="a support that is the same for all its values",
                        got=label_of(self.model),
                        fix="fit.posterior(data), which draws both from the guide",
                        code="U060",
                    )
                value = first
            found[name] = value.unflatten(0, (self.num_chains, self.num_data))
        return found

    def log_joint(self, free: Tensor) -> Tensor:
        """``log p(x_i, u)``, [C, N].

        Args:
            free: [C, N, D].
        """
        run = self._at(free)
        return self._by_chain(run.log_joint() + run.log_volume())

    def both(self, free: Tensor) -> tuple[Tensor, Tensor]:
        """``log p(x_i, u)`` and ``log q(u | x_i)``, [C, N] each.

        Args:
            free: [C, N, D].
        """
        run = self._at(free)
        volume = run.log_volume()
        return self._by_chain(run.log_joint() + volume), self._by_chain(self._log_guide(run) + volume)

    @property
    def _rows(self) -> Mapping[str, Tensor]:
        """The batch, a row for each chain and each combination of values of the discrete latents."""
        return self._wide if self._enumerated is None else self._enumerated.batch

    def _at(self, free: Tensor) -> _Run:
        rows = free.reshape(len(self), -1)
        rows = rows if self._enumerated is None else rows[self._enumerated.datum]
        pieces = zip(self.shapes.items(), rows.split(self._sizes, 1), strict=True)
        by_site = {name: piece.reshape(len(rows), *shape) for (name, shape), piece in pieces}
        return _Run(self.model, self._rows, FreeCoordinates(by_site))

    def _by_chain(self, values: Tensor) -> Tensor:
        if self._enumerated is not None:
            values = logsumexp_by_datum(values, self._enumerated.datum, self._enumerated.num_data)
        return values.reshape(self.num_chains, self.num_data)

    def _log_guide(self, run: _Run) -> Tensor:
        """``log q`` of a run's latents, those that are summed out among them, [rows]."""
        values = run.coordinates.values
        if self._only is not None:  # the guide's distribution is the same for all draws: it need not run again
            return self._only.guide_fn.log_prob(values[self._only.name].unflatten(0, (self.num_chains, -1))).flatten()
        drawn = trace_guide(self.guide, self._rows, run.trace.rows, values)
        densities = [run.per_datum(name, _masked_as(draw, run.site(name)).log_ratio()) for name, draw in drawn.items()]
        total = functools.reduce(torch.add, densities)
        return total if self._enumerated is None else total + self._enumerated.log_weight


class _Run:
    """A run of the model at coordinates of its latents.

    Args:
        model: the model.
        batch: [rows, ...] each.
        coordinates: of its latents.
    """

    def __init__(self, model: Any, batch: Mapping[str, Tensor], coordinates: FreeCoordinates) -> None:
        self.coordinates = coordinates
        with coordinates:
            self.trace = trace_pair(model, None, batch, len(next(iter(batch.values()))))
        for name in coordinates.free:
            site = self.site(name)
            frame = data_frame(site, self.trace.rows)
            if frame is None or -frame.dim != len(site.model_fn.batch_shape):
                raise Unanswerable(
                    f"the latent {name!r} does not have one value for every datum",
                    expected="latents in the plate over the data, as the outermost of their plates",
                    got=f"plates {[frame.name for frame in site.frames]}",
                    fix="fit.posterior() for draws of what all data share",
                    code="U061",
                )

    def site(self, name: str) -> PairedSite:
        return self.trace.observed[name]

    def per_datum(self, name: str, density: Tensor) -> Tensor:
        """A density at a site's elements, as one of each row."""
        return per_datum(density, self.site(name), self.trace.rows)

    def log_joint(self) -> Tensor:
        """``log p(x, z)``, [rows]."""
        densities = [self.per_datum(name, site.log_prob()) for name, site in self.trace.observed.items()]
        return functools.reduce(torch.add, densities)

    def log_volume(self) -> Tensor:
        """``log |dz / du|``, [rows]."""
        volumes = [self.per_datum(name, one) for name, one in self.coordinates.log_volumes.items()]
        return functools.reduce(torch.add, volumes)


def _masked_as(draw: PairedSite, site: PairedSite) -> PairedSite:
    """The guide's draw under the model's mask, where that has one."""
    return draw if site.mask is None else dataclasses.replace(draw, mask=site.mask)


def _first_rows(datum: Tensor, num_data: int) -> Tensor:
    index = torch.arange(len(datum), device=datum.device)
    return datum.new_full((num_data,), len(datum)).scatter_reduce(0, datum, index, "amin")
