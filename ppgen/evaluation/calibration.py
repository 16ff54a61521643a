"""Simulation-based calibration: is the truth as likely to be anywhere among a guide's draws as it should be?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.arguments import finite_number, whole_number
from ppgen.checked import checked
from ppgen.declare import label_of, without_latents
from ppgen.errors import Unanswerable
from ppgen.evaluation.rank_bands import RankBands, rank_bands
from ppgen.fitted import Fit
from ppgen.inference import draw_posterior, dream_many, find_waking

__all__ = ["Calibration", "simulation_based_calibration"]

_NUMBERS = 2**25  # draws of latents that are held at a time
_NOTABLE = 0.05  # of a shift in units of the rank's spread, or of a spread too large or small


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration:
    """What :func:`simulation_based_calibration` found.

    Args:
        ranks: by latent, how many draws of the guide lay below the true value: [num_data, *event], 0 to ``num_draws``.
        p_values: by latent, of each coordinate by itself: the chance of ranks so far from uniform if the guide were
            exact, [*event].
        num_draws: of the guide for each datum.
        level: of the verdict: the chance that an exact guide fails.
        bands: where the shares of ranks of an exact guide stay, for all coordinates together with chance
            ``1 - level``.
    """

    ranks: Mapping[str, Tensor]
    p_values: Mapping[str, Tensor]
    num_draws: int
    level: float
    bands: RankBands

    @property
    def passes(self) -> bool:
        """Whether all coordinates of all latents stay in the bands."""
        return not any(bool(self._fails(name).any()) for name in self.ranks)

    @property
    def verdict(self) -> str:
        """In a sentence for each latent, whether the guide is calibrated, and if it is not, in what it errs."""
        return "\n".join(self._sentence(name) for name in self.ranks)

    def positions(self, name: str) -> Tensor:
        """The ranks of a latent as numbers between 0 and 1, which are uniform if the guide is exact: [num_data, D].

        Args:
            name: of the latent.
        """
        ranks = self.ranks[name]
        return (ranks.double().reshape(len(ranks), -1) + 0.5) / (self.num_draws + 1)

    def __str__(self) -> str:
        return self.verdict

    def _fails(self, name: str) -> Tensor:
        """Which coordinates leave the bands, [D]: Bonferroni's rule over all that there are."""
        coordinates = sum(values.numel() for values in self.p_values.values())
        return self.p_values[name].reshape(-1) < self.level / coordinates

    def _sentence(self, name: str) -> str:
        fails, data = self._fails(name), len(self.ranks[name])
        said = f"{name}: {data} draws of the model"
        if not fails.any():
            lowest = float(self.p_values[name].min())
            return f"{said} show no miscalibration (p = {lowest:.2g} at the lowest of {len(fails)})"
        away = self.positions(name)[:, fails] - 0.5
        wide = float(12 * away.square().mean())  # 1 for uniform positions
        low, high = (float(part) for part in (away.mean(0).min() * 12**0.5, away.mean(0).max() * 12**0.5))
        errors = []
        if wide > 1 + _NOTABLE:
            errors.append("too narrow: the truth is too often outside its draws")
        if wide < 1 - _NOTABLE:
            errors.append("too wide: the truth is too often amid its draws")
        if max(-low, high) > _NOTABLE:
            errors.append("shifted: the truth is too often on one side of its draws")
        return f"{said}: {int(fails.sum())} of {len(fails)} coordinates are not calibrated; the guide is " + (
            "; it is ".join(errors) or "of another shape than the posterior"
        )


@checked
def simulation_based_calibration(
    fit: Fit, num_data: int = 500, num_draws: int = 99, *, level: float = 0.01, seed: int = 0
) -> Calibration:
    """Draw latents and data from the model, and see where the true latents stand among the guide's draws.

    If q(z | x) is the posterior, the rank of each coordinate of the true z among draws of q is uniform. Nothing is
    fitted again: a guide that reads its data answers for new ones. Uniform ranks are necessary, not sufficient: a guide
    that always gives the prior passes too. The model must be the one that made the data for the verdict to hold for
    these.

    References: S. Talts et al., "Validating Bayesian inference algorithms with simulation-based calibration", 2018
    (arXiv 1804.06788); bands: T. Säilynoja, P.-C. Bürkner and A. Vehtari, "Graphical test for discrete uniformity and
    its applications in goodness-of-fit evaluation and multiple sample comparison", 2022 (arXiv 2103.10522).

    Args:
        fit: with a guide, and latents with one value per datum.
        num_data: draws of the model.
        num_draws: of the guide for each of them.
        level: the chance that an exact guide fails.
        seed: of all draws.

    Returns:
        Ranks, p-values and a verdict; :func:`ppgen.reporting.calibration_figure` draws them.

    Raises:
        Unanswerable: without a guide, for one that gives points, with a global latent, or for a hand-written program
            that cannot draw its data.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), latent_dim=2), "digits", max_epochs=1, progress=False)
        >>> simulation_based_calibration(fit, 20, 9).ranks["z"].shape
        torch.Size([20, 2])
    """
    whole_number("simulation_based_calibration: num_data", num_data, at_least=10, suggested=500)
    whole_number("simulation_based_calibration: num_draws", num_draws, suggested=99)
    finite_number("simulation_based_calibration: level", level, above=0, below=1, suggested=0.01)
    guide = fit._must_answer("representation")
    fit._must_be_local("simulation_based_calibration")
    if fit.has_point_codes:
        raise Unanswerable(
            f"simulation_based_calibration: {label_of(guide)} gives a point for each datum, not how sure it is",
            expected="a guide with a spread",
            got="the same value at every draw",
            fix="ppgen.fit(model, data, guide=ppgen.guides.MeanField(model))",
            code="U091",
        )
    rows = fit._to_device(fit.data.representative_rows())
    if reason := find_waking(fit.model, rows):
        raise Unanswerable(
            f"simulation_based_calibration: {label_of(fit.model)} cannot draw its data: {reason}",
            expected="a program whose observed sites are given arguments that nothing else reads",
            got=f"def {label_of(fit.model)}({', '.join(rows)})",
            fix="declare the model",
            code="U073",
        )
    latents, seen = dream_many(fit.model, fit.data.split("train"), num_data, device=fit.device, seed=seed)
    evidence = without_latents(fit.model, seen)
    generator = torch.Generator().manual_seed(seed)
    at_once = max(1, _NUMBERS // (num_draws * sum(values[0].numel() for values in latents.values())))
    parts = []
    for first in range(0, num_data, at_once):
        here = slice(first, first + at_once)
        told = {name: values[here] for name, values in evidence.items()}
        drawn = draw_posterior(fit.model, guide, told, num_draws, seed=seed + 1 + first)
        found = {name: (latents[name][here].cpu(), drawn[name].cpu()) for name in latents if name in drawn}
        parts.append({name: _ranks(truth, draws, generator) for name, (truth, draws) in found.items()})
    ranks = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    coordinates = sum(values[0].numel() for values in ranks.values())
    bands = rank_bands(num_data, num_draws, level / coordinates, seed=seed)
    p_values = {
        name: torch.as_tensor(bands.p_values(values.reshape(num_data, -1).numpy())).reshape(values.shape[1:])
        for name, values in ranks.items()
    }
    return Calibration(ranks, p_values, num_draws, level, bands)


def _ranks(truth: Tensor, draws: Tensor, generator: torch.Generator) -> Tensor:
    """How many draws are below the truth, [num_data, *event]; equal ones, of discrete latents, by a fair coin each.

    Args:
        truth: [num_data, *event].
        draws: [num_draws, num_data, *event].
        generator: of the coins.
    """
    below, equal = (draws < truth).sum(0), (draws == truth).sum(0)
    share = torch.rand(truth.shape, generator=generator)
    return below + (share * (equal + 1)).long()
