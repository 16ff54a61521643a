"""A fitted pair, which answers three questions: density, sampling, representation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.data import Dataset, as_batch
from ppgen.declare.verify import name_of
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.fitting import answers, density
from ppgen.fitting.arviz_bridge import to_arviz
from ppgen.fitting.record import save
from ppgen.fitting.refusals import unanswerable
from ppgen.objectives import Objective

__all__ = ["Fit"]


class Fit:
    """A model, its guide and objective after fitting; made by ``ppgen.fit`` and ``ppgen.load``.

    Every method takes ``data`` as ``ppgen.fit`` does; ``None`` means the test split. A question that the model cannot
    answer raises :class:`~ppgen.errors.Unanswerable` with the reason and a way to an answer; :meth:`unanswerable`
    tells beforehand.

    Args:
        model: called as ``model(batch, size)``.
        guide: likewise, or ``None``.
        objective: that was minimised.
        data: the data set that it was fitted to.
        history: one row an epoch.
        settings: the arguments of the fit.
        seconds: of training.
        stopped: ``""``, ``"early"``, ``"interrupted"`` or ``"diverged"``.
        folder: the run folder, if there is one.
    """

    def __init__(
        self,
        model: nn.Module,
        guide: nn.Module | None,
        objective: Objective,
        data: Dataset,
        *,
        history: list[dict[str, Any]],
        settings: Mapping[str, Any],
        seconds: float,
        stopped: str = "",
        folder: Path | None = None,
    ) -> None:
        self.model, self.guide, self.objective, self.data = model, guide, objective, data
        self.history, self.settings, self.seconds = history, dict(settings), seconds
        self.stopped, self.folder = stopped, folder

    @property
    def num_parameters(self) -> int:
        """Trained parameters of model and guide; shared ones count once."""
        modules = [self.model] + ([] if self.guide is None else [self.guide])
        return sum(p.numel() for p in {id(p): p for m in modules for p in m.parameters()}.values())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next((p.device for m in (self.model, self.guide) if m for p in m.parameters()), torch.device("cpu"))

    def unanswerable(self, question: str) -> str | None:
        """Why ``"density"``, ``"sampling"`` or ``"representation"`` has no answer here; ``None`` if it has one."""
        return unanswerable(self.model, self.guide, question)

    # Density ---------------------------------------------------------------------------------------------------------

    def elbo(self, data: Any = None, num_particles: int = 1, *, seed: int = 0) -> Estimate:
        """The evidence lower bound, a mean over data in nats per datum; exact log p(x) without latents.

        All log-ratios are sampled. The standard error is over data (over particles, if a latent is global).

        Args:
            data: what to evaluate; default: the test split.
            num_particles: draws of the guide for each datum.
            seed: of those draws.
        """
        self._must_answer("density")
        batch = self._batch(data)
        if self.guide is None:
            return self.log_prob(data)
        by_particle, by_datum = density.elbo_per_particle(self.model, self.guide, batch, num_particles, seed)
        values = by_datum if len(by_datum) else by_particle
        return self._estimate(values, "lower bound", f"ELBO-{num_particles}", len(next(iter(batch.values()))))

    def log_prob(self, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Estimate:
        """``log p(x)``, a mean over data in nats per datum: exact without latents, else the IWAE bound of K particles."""
        values = self.log_prob_per_datum(data, num_particles, seed=seed)
        if self.guide is None:
            return self._estimate(values, "exact", "log p(x)", len(values))
        return self._estimate(values, "lower bound", f"IWAE-{num_particles}", len(values))

    def log_prob_per_datum(self, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Tensor:
        """``log p(x_i)`` or its importance-weighted bound for each datum: [N], float64, nats."""
        self._must_answer("density")
        if any(not site.local for site in getattr(self.model, "sites", {}).values()):
            raise Unanswerable(
                f"log_prob: {type(self.model).__name__} has a global latent, so that data points share one density",
                fix="fit.elbo(data) bounds the log-density of the whole data set, given per datum",
            )
        return density.log_prob(self.model, self.guide, self._batch(data), num_particles, seed).cpu()

    # Sampling --------------------------------------------------------------------------------------------------------

    def sample(self, n: int, *, seed: int = 0, mean: bool = False, **covariates: Any) -> Any:
        """Draw ``n`` new data points.

        Args:
            n: how many.
            seed: of the draws.
            mean: give the likelihood's mean at each draw of the latents instead of a draw from it: sharper to look
                at, but no sample of x.
            **covariates: each [n, ...], or one value for all: ``fit.sample(10, y=3)``.

        Returns:
            A tensor [n, *event], or a dictionary of them if the model has several observed sites.

        Raises:
            Unanswerable: naming the covariates that are missing.
        """
        self._must_answer("sampling")
        if not isinstance(n, int) or n < 1:
            raise SettingError("sample: n is out of range", expected="a whole number >= 1", got=repr(n), fix="64")
        given = self._covariates(n, covariates)
        drawn = answers.draw_observed(self.model, given, n, mean=mean, seed=seed, device=self.device)
        return _single({name: value.cpu() for name, value in drawn.items()})

    # Representation --------------------------------------------------------------------------------------------------

    def encode(self, data: Any = None, *, seed: int = 0) -> Any:
        """Posterior means ``E_q[z | x]``: [N, *event], or a dictionary of them if there are several local latents."""
        return _single({name: value.cpu() for name, value in self._means(data, seed).items()})

    def reconstruct(self, data: Any = None, *, seed: int = 0) -> Any:
        """The likelihood's mean at the posterior mean of z: like ``x``."""
        means = self._means(data, seed)
        made = answers.reconstruct(self.model, means, self._batch(data), seed=seed)
        return _single({name: value.cpu() for name, value in made.items()})

    def posterior(self, data: Any = None, num_draws: int = 1000, *, seed: int = 0) -> Any:
        """Draws from the guide as ArviZ data; also written to ``posterior.nc`` if the fit has a run folder."""
        guide = self._must_encode()
        if not isinstance(num_draws, int) or num_draws < 1:
            raise SettingError(
                "posterior: num_draws is out of range", expected="a whole number >= 1", got=repr(num_draws), fix="1000"
            )
        batch = self._batch(data)
        drawn = answers.draw_posterior(self.model, guide, batch, num_draws, seed=seed)
        posterior = to_arviz(drawn, batch)
        if self.folder is not None:
            path = self.folder / "posterior.nc"
            temporary = path.with_name(".posterior.nc.tmp")
            posterior.to_netcdf(str(temporary))
            os.replace(temporary, path)
        return posterior

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the run folder that ``ppgen.load`` reads."""
        save(self, Path(folder))

    # Inside ----------------------------------------------------------------------------------------------------------

    def _means(self, data: Any, seed: int) -> dict[str, Tensor]:
        return answers.posterior_means(self.model, self._must_encode(), self._batch(data), seed=seed)

    def _must_answer(self, question: str) -> None:
        reason = self.unanswerable(question)
        if reason is not None:
            raise Unanswerable(reason)

    def _must_encode(self) -> nn.Module:
        self._must_answer("representation")
        if self.guide is None:
            raise Unanswerable(f"{type(self.model).__name__} was fitted without a guide")
        return self.guide

    def _batch(self, data: Any) -> dict[str, Tensor]:
        batch = self.data.split("test") if data is None else as_batch(data)
        if not batch or not len(next(iter(batch.values()))):
            raise DataError(
                "the test split is empty",
                expected="at least one data point",
                fix="pass data: fit.elbo(x), or keep a test split: ppgen.data.from_tensors(x, test=0.1)",
            )
        wanted = self.settings.get("dtypes", {})
        return {
            key: value.to(self.device, getattr(torch, wanted[key]) if key in wanted else value.dtype)
            for key, value in batch.items()
        }

    def _covariates(self, n: int, given: Mapping[str, Any]) -> dict[str, Tensor]:
        sites = getattr(self.model, "sites", {})
        needed = {p for s in sites.values() for p in s.parents if p not in sites and p not in s.optional}
        missing = sorted(needed - set(given))
        if missing:
            raise Unanswerable(
                f"sample: {type(self.model).__name__} is conditional on {', '.join(missing)}",
                expected=f"a value for each of the {n} draws, or one for all",
                fix=f"fit.sample({n}, {missing[0]}=torch.zeros({n}, dtype=torch.long))",
            )
        tensors = {}
        for name, value in given.items():
            tensor = torch.as_tensor(value)
            tensor = tensor.expand(n, *tensor.shape) if tensor.dim() == 0 else tensor
            if len(tensor) != n:
                raise DataError(f"sample: {name} has {len(tensor)} rows", expected=f"{n} rows", fix=f"n={len(tensor)}")
            tensors[name] = tensor.to(self.device)
        return tensors

    def _estimate(self, values: Tensor, kind: Any, estimator: str, num_data: int) -> Estimate:
        error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else None
        return Estimate(
            float(values.mean()),
            error,
            kind=kind,
            unit="nats",
            measure=self.measure,
            estimator=estimator,
            num_data=num_data,
            better="higher",
        )

    @property
    def measure(self) -> str:
        """The measure that densities of this model refer to: the data's, unless the likelihood is continuous."""
        discrete = self.settings.get("discrete_likelihood", True)
        return self.data.measure if discrete else "continuous"

    def __repr__(self) -> str:
        guide = "no guide" if self.guide is None else type(self.guide).__name__
        epochs = len(self.history)
        return (
            f"Fit({name_of(self.model)}, {guide}, {self.objective.name}, data={self.data.name!r}, "
            f"{epochs} epochs, {self.seconds:.1f} s{', ' + self.stopped if self.stopped else ''})"
        )


def _single(values: dict[str, Tensor]) -> Any:
    return next(iter(values.values())) if len(values) == 1 else values
