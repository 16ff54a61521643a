"""Where walks start: the codes of data, codes as they are given, or draws of the prior; and how they are decoded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.by_site import BySite
from ppgen.declare import label_of
from ppgen.errors import SettingError, Unanswerable
from ppgen.fitted import Fit
from ppgen.inference import Rule, at, descendants, place_latents, point_estimates, predictive

__all__ = ["Start", "find_start", "walked_site"]


@dataclasses.dataclass(frozen=True)
class Start:
    """Codes that a walk sets out from.

    Args:
        fit: whose model they belong to.
        codes: [N, *event] by local latent.
        covariates: [N, ...] each.
        seed: of what is drawn on the way.
    """

    fit: Fit
    codes: Mapping[str, Tensor]
    covariates: Mapping[str, Tensor]
    seed: int

    def __len__(self) -> int:
        return len(next(iter(self.codes.values())))

    def repeat(self, times: int) -> Start:
        """Each row ``times`` times, one after the other."""
        codes, covariates = (
            {name: value.repeat_interleave(times, 0) for name, value in columns.items()}
            for columns in (self.codes, self.covariates)
        )
        return dataclasses.replace(self, codes=codes, covariates=covariates)

    def place(self, rules: Mapping[str, Rule]) -> dict[str, Tensor]:
        """Latents by rules, [N, *event] each; those without a rule take the mean given what stands above them."""
        fit = self.fit
        return place_latents(
            fit.model,
            self._batch(),
            len(self),
            rules,
            fixed=fit._draw_global(self.seed),
            seed=self.seed,
            device=fit.device,
        )

    def below(self, site: str) -> list[str]:
        """The latents that depend on ``site``."""
        return descendants(self.fit.model, self._batch(), len(self), site)

    def decode_at(
        self, site: str, dims: Sequence[int], points: Tensor, columns: int, *, hold: bool = False
    ) -> tuple[BySite, BySite]:
        """One row moved to each of many points: codes, and what they decode to, as of :meth:`decode`.

        Args:
            site: the latent that moves.
            dims: those of its dimensions, D numbers in the flattened event; the others stay.
            points: [rows * columns, D].
            columns: how many.
            hold: keep the codes of latents below, too.
        """
        way = self.repeat(len(points))
        moved = way.codes[site].clone().reshape(len(points), -1)
        moved[:, dims] = points
        codes = dict(way.codes) | {site: moved.reshape(way.codes[site].shape)}
        follow = [] if hold else self.below(site)
        return way.decode(way.place({key: at(value) for key, value in codes.items() if key not in follow}), columns)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The lowest and highest value of each observed site in test data, the first thousand of them."""
        fit = self.fit
        test, columns = fit.data.split("test"), {site: fit.model.column_of(site) for site in fit.observed}
        heads = {site: test[name][:1000] for site, name in columns.items() if len(test.get(name, ()))}
        return {site: (float(head.min()), float(head.max())) for site, head in heads.items()}

    def _batch(self) -> dict[str, Tensor]:
        given = predictive.prior_batch(self.fit.model, self.fit.data, len(self), self.covariates)
        return self.fit._to_device(given)

    def decode(self, codes: Mapping[str, Tensor], columns: int) -> tuple[BySite, BySite]:
        """Codes, and what they decode to, as [rows, columns, *event] each.

        Args:
            codes: [rows * columns, *event] by latent, a row after the other.
            columns: how many.
        """
        given: dict[str, Any] = dict(self.covariates)
        values = self.fit.decode(codes, seed=self.seed, **given)
        latents, decoded = (
            BySite({name: value.detach().cpu().unflatten(0, (-1, columns)) for name, value in named.items()})
            for named in (codes, values)
        )
        return latents, decoded


def find_start(fit: Fit, x: Any, n: int, seed: int, given: Mapping[str, Any]) -> Start:
    """Where a walk from ``x`` starts.

    Args:
        fit: the fit.
        x: data, as ``fit.encode`` takes them; a mapping whose keys are the model's latents, which is taken as it is;
            or ``None`` for ``n`` draws of the prior.
        n: how many draws.
        seed: of the draws.
        given: covariates by name, which stand in for those of the data.

    Raises:
        Unanswerable: if codes cannot be read from data; if covariates are missing.
        SettingError: if the model has no latents of single data points, or does not take a covariate.
    """
    names = _local_latents(fit)
    if not names:
        raise SettingError(
            f"{label_of(fit.model)} has no latent of single data points, so that there is nothing to walk along",
            expected="a latent with one value per datum",
            got=f"sites {', '.join(fit.model.sites)}",
            fix="fit.sample(n) shows what the model draws",
            code="S165",
        )
    fit._must_answer("sampling")
    _verify_parents(fit, names)
    if x is None or (isinstance(x, Mapping) and set(x) == set(names)):
        codes = {} if x is None else fit._to_device(predictive.as_latents(fit.model, x))
        rows = whole_number("walk: n", n) if x is None else len(codes[names[0]])
        covariates = fit._to_device(predictive.prior_batch(fit.model, fit.data, rows, given))
        if x is not None:
            predictive.verify_latents(fit.model, codes, covariates)
            return Start(fit, codes, _known(fit, covariates), seed)
        # The rule of a draw needs no code: those of the start, which has none yet, only tell how many there are.
        blank = Start(fit, {names[0]: torch.empty(rows)}, _known(fit, covariates), seed)
        drawn = blank.place({name: lambda fn, part: fn.sample() for name in names})
        return dataclasses.replace(blank, codes=drawn)
    if fit.guide is None:
        raise Unanswerable(
            f"{label_of(fit.model)} was fitted without a guide, so that no code can be read from data",
            expected="no data, for draws of the prior; or codes by latent",
            got=type(x).__name__,
            fix=f"leave the data out, or pass codes: {{{names[0]!r}: fit.traverse().latents[{names[0]!r}][:, 0]}}",
            code="U036",
        )
    guide, batch = fit._must_answer("representation"), fit._batch(x)
    rows = len(next(iter(batch.values())))
    read = point_estimates(fit.model, guide, batch, seed=seed)
    codes = {name: read[name] if name in read else batch[name] for name in names}
    own = {name: batch[name] for name in fit.covariates if name in batch}
    covariates = predictive.prior_batch(fit.model, fit.data, rows, own | dict(given))
    return Start(fit, codes, _known(fit, fit._to_device(covariates)), seed)


def walked_site(fit: Fit, site: str | None) -> str:
    """The latent to walk along: the one that is named, else the first of the model, from which others follow.

    Args:
        fit: the fit.
        site: its name, or ``None``.

    Raises:
        SettingError: listing the latents, if this is none of them.
    """
    names = _local_latents(fit)
    if site is not None and site not in names:
        raise SettingError(
            f"there is no latent {site!r} to walk along",
            expected=" or ".join(map(repr, names)),
            got=repr(site),
            fix=f"site={names[0]!r}",
            code="S166",
        )
    return names[0] if site is None else site


def _verify_parents(fit: Fit, names: list[str]) -> None:
    """Refuse latents below data that the model draws: decoding would draw others than the codes were placed by."""
    drawn = {name for name, site in fit.model.sites.items() if site.role != "latent"}
    if told := [name for name in names if drawn & set(fit.model.sites[name].parents)]:
        raise Unanswerable(
            f"{told[0]} of {label_of(fit.model)} depends on data that the model draws, so that no code stands alone",
            expected="latents whose parents are latents and covariates",
            got=f"{told[0]}, whose parents are {', '.join(fit.model.sites[told[0]].parents)}",
            fix="fit.sample(n) draws both together",
            code="U037",
        )


def _known(fit: Fit, columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The covariates among columns, without placeholders for data."""
    return {name: value for name, value in columns.items() if name in fit.covariates}


def _local_latents(fit: Fit) -> list[str]:
    return [name for name, site in fit.model.sites.items() if site.role == "latent" and site.local]
