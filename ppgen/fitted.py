"""A fitted pair, which answers three questions: density, sampling, representation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.arguments import whole_number
from ppgen.data import Dataset, as_batch
from ppgen.declare import ProgramModule, label_of, verify_batch, without_latents
from ppgen.errors import DataError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.files import replace
from ppgen.inference import find_obstacle, importance, posterior, predictive
from ppgen.objectives import Objective
from ppgen.runs import DTYPES, FACTS, RunFolder, describe_run, modules_of

__all__ = ["Fit"]


class Fit:
    """A model, its guide and objective after fitting; made by ``ppgen.fit`` and ``ppgen.load``.

    Every method takes ``data`` as ``ppgen.fit`` does; ``None`` means the test split, without the values of latent
    variables that it may have (the labels of a semi-supervised model): these are what a fit infers. Pass
    ``fit.data.split("test")`` for the joint density with them. In data, -1 marks a missing value of a discrete latent.
    A question that the model cannot answer raises :class:`~ppgen.errors.Unanswerable` with the reason and a way to an
    answer; :meth:`unanswerable` tells beforehand.

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
        model: ProgramModule,
        guide: ProgramModule | None,
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
        return sum(p.numel() for p in self._pair.parameters() if p.requires_grad)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next((p.device for p in self._pair.parameters()), torch.device("cpu"))

    @property
    def measure(self) -> str:
        """The measure that densities of this model refer to: the data's, unless the likelihood is continuous."""
        return self.data.measure if self.settings.get("discrete_likelihood", True) else "continuous"

    def unanswerable(self, question: str) -> str | None:
        """Why ``"density"``, ``"sampling"`` or ``"representation"`` has no answer here; ``None`` if it has one."""
        error = self._refusal(question)
        return None if error is None else f"{error.what}; {error.fix}"

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
        if self.guide is None:
            return self.log_prob(data)
        batch = self._batch(data)
        values = importance.elbo(self.model, self.guide, batch, num_particles, seed)
        return self._estimate(values, "lower bound", f"ELBO-{num_particles}", len(next(iter(batch.values()))))

    def log_prob(self, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Estimate:
        """``log p(x)``, a mean over data in nats per datum: exact without latents, else the IWAE-K bound.

        Args:
            data: what to evaluate; default: the test split.
            num_particles: K, draws of the guide for each datum.
            seed: of those draws.
        """
        values = self.log_prob_per_datum(data, num_particles, seed=seed)
        kind, estimator = ("exact", "log p(x)") if self.guide is None else ("lower bound", f"IWAE-{num_particles}")
        return self._estimate(values, kind, estimator, len(values))

    def log_prob_per_datum(self, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Tensor:
        """``log p(x_i)`` or its importance-weighted bound for each datum: [N], float64, nats.

        Args:
            data: what to evaluate; default: the test split.
            num_particles: draws of the guide for each datum.
            seed: of those draws.
        """
        self._must_answer("density")
        if self._has_global_latent:
            raise Unanswerable(
                f"log_prob: {label_of(self.model)} has a global latent, so that data points share one density",
                expected="latents with one value per datum",
                got=", ".join(name for name, site in self._sites.items() if not site.local),
                fix="fit.elbo(data) bounds the log-density of the whole data set, given per datum",
            )
        return importance.log_prob(self.model, self.guide, self._batch(data), num_particles, seed).cpu()

    # Sampling --------------------------------------------------------------------------------------------------------

    def sample(self, n: int, *, seed: int = 0, mean: bool = False, **values: Any) -> Any:
        """Draw ``n`` new data points; a global latent is drawn once, from the guide.

        Args:
            n: how many.
            seed: of the draws.
            mean: give the likelihood's mean at each draw of the latents instead of a draw from it: sharper to look
                at, but no sample of x. What has no mean in closed form, such as a class, is drawn.
            **values: of covariates, each [n, ...], or one for all: ``fit.sample(10, y=3)``.

        Returns:
            A tensor [n, *event], or a dictionary of them if the model has several observed sites.

        Raises:
            Unanswerable: naming the covariates that are missing.
            SettingError: naming an argument that is no covariate.
        """
        self._must_answer("sampling")
        whole_number("sample: n", n, suggested=64)
        given = self._to_device(predictive.prior_batch(self.model, self.data, n, values))
        fixed: dict[str, Tensor] = {}
        if self.guide is not None and self._has_global_latent:
            rows = self._to_device(self.data.representative_rows())
            fixed = predictive.draw_global(self.model, self.guide, rows, seed=seed)
        drawn = predictive.draw_observed(self.model, given, n, fixed=fixed, mean=mean, seed=seed, device=self.device)
        return _single({name: value.cpu() for name, value in drawn.items()})

    # Representation --------------------------------------------------------------------------------------------------

    def encode(self, data: Any = None, *, seed: int = 0) -> Any:
        """Posterior means ``E_q[z | x]``: [N, *event], or a dictionary of them if there are several local latents.

        A Categorical latent gives the probabilities of its classes, ``q(y | x)`` [N, K]: a semi-supervised model's
        classifier. Where its value is in the data, that class has probability 1.

        Args:
            data: what to encode; default: the test split.
            seed: of draws, where a mean has no closed form.
        """
        guide = self._must_answer("representation")
        means = posterior.encode(self.model, guide, self._batch(data), seed=seed)
        return _single({name: value.cpu() for name, value in means.items() if self._sites[name].local})

    def reconstruct(self, data: Any = None, *, seed: int = 0) -> Any:
        """The likelihood's mean at the posterior mean of z: like ``x``.

        A discrete latent takes its most probable value, and the others their posterior mean given that one: between
        two classes there is nothing to decode.

        Args:
            data: what to reconstruct; default: the test split.
            seed: of draws, where a mean has no closed form.
        """
        guide, batch = self._must_answer("representation"), self._batch(data)
        latents = posterior.point_estimates(self.model, guide, batch, seed=seed)
        made = predictive.reconstruct(self.model, latents, batch, seed=seed)
        return _single({name: value.cpu() for name, value in made.items()})

    def posterior(self, data: Any = None, num_draws: int = 1000, *, seed: int = 0) -> Any:
        """Draws from the guide as ArviZ data; also written to ``posterior.nc`` if the fit has a run folder.

        Args:
            data: to which they are posterior; default: the test split.
            num_draws: for each datum.
            seed: of the draws.
        """
        guide = self.guide
        if guide is None or not any(site.role == "latent" for site in self._sites.values()):
            guide = self._must_answer("representation")
        whole_number("posterior: num_draws", num_draws, suggested=1000)
        batch = self._batch(data)
        draws = posterior.to_arviz(posterior.draw_posterior(self.model, guide, batch, num_draws, seed=seed), batch)
        if self.folder is not None:
            replace(self.folder / "posterior.nc", lambda temporary: draws.to_netcdf(str(temporary)))
        return draws

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the run folder that ``ppgen.load`` reads."""
        run = RunFolder(folder)
        if run.exists:
            raise run.taken()
        record = describe_run(
            self.model,
            self.guide,
            self.objective,
            self.data,
            settings={key: value for key, value in self.settings.items() if key not in FACTS},
            facts={key: self.settings[key] for key in FACTS},
        )
        run.begin(record)
        run.rewrite_history(self.history)
        modules = modules_of(self.model, self.guide, self.objective)
        run.finish(record, modules, seconds=self.seconds, stopped=self.stopped)
        self.folder = run.path

    # Inside ----------------------------------------------------------------------------------------------------------

    @property
    def _pair(self) -> nn.ModuleList:
        """Model and guide, which give the parameters that they share once."""
        return nn.ModuleList([self.model] if self.guide is None else [self.model, self.guide])

    @property
    def _sites(self) -> Mapping[str, Any]:
        return getattr(self.model, "sites", {})

    @property
    def _has_global_latent(self) -> bool:
        return any(site.role == "latent" and not site.local for site in self._sites.values())

    def _refusal(self, question: str) -> Unanswerable | None:
        return find_obstacle(self.model, self.guide, question, is_point=bool(self.settings.get("point_guide")))

    def _must_answer(self, question: str) -> Any:
        """The guide, if the question has an answer."""
        if (error := self._refusal(question)) is not None:
            raise error
        return self.guide

    def _to_device(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A batch where the weights are, in the types that the model was fitted to."""
        dtypes = {key: DTYPES[name] for key, name in self.settings.get("dtypes", {}).items()}
        return {key: value.to(self.device, dtypes.get(key, value.dtype)) for key, value in batch.items()}

    def _batch(self, data: Any) -> dict[str, Tensor]:
        """What a user passes as data, on the device, and verified: what the model excludes has no density."""
        batch = self._to_device(
            without_latents(self.model, self.data.split("test")) if data is None else as_batch(data)
        )
        if not batch or not len(next(iter(batch.values()))):
            raise DataError(
                "the test split is empty" if data is None else "there are no data",
                expected="at least one data point",
                got="0 rows",
                fix="pass data: fit.elbo(x), or keep a test split: ppgen.data.from_tensors(x, test=0.1)",
            )
        verify_batch(self.model, self.guide, batch)
        return batch

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

    def __repr__(self) -> str:
        guide = "no guide" if self.guide is None else label_of(self.guide)
        return (
            f"Fit({label_of(self.model)}, {guide}, {self.objective.name}, data={self.data.name!r}, "
            f"{len(self.history)} epochs, {self.seconds:.1f} s{', ' + self.stopped if self.stopped else ''})"
        )


def _single(values: dict[str, Tensor]) -> Any:
    return next(iter(values.values())) if len(values) == 1 else values
