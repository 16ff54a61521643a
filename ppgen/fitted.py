"""A fitted pair, which answers three questions: density, sampling, representation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

from torch import Tensor

from ppgen.accessors import HasAccessors
from ppgen.arguments import must_fit
from ppgen.by_site import BySite, answer_of
from ppgen.checked import checked
from ppgen.data import Dataset
from ppgen.declare import label_of
from ppgen.distributions import progress_of_draws
from ppgen.estimate import Estimate
from ppgen.fitted_pair import FittedPair
from ppgen.inference import at_temperature, importance, needs_reference, posterior, predictive, summed_out, trust_in
from ppgen.inference.capabilities import nothing_to_weigh
from ppgen.inference.derived_quantities import derived_quantities
from ppgen.objectives import Objective, State
from ppgen.runs import FACTS, RunFolder, describe_run

__all__ = ["Fit"]


@checked
class Fit(FittedPair, HasAccessors):
    """A model, its guide and objective after fitting; made by ``ppgen.fit`` and ``ppgen.load``.

    Every method takes ``data`` as ``ppgen.fit`` does; ``None`` means the test split without values of latents, which a
    fit infers: pass ``fit.data.split("test")`` for the joint density with them. -1 stands for a missing discrete one.
    What a model cannot answer raises :class:`~ppgen.errors.Unanswerable` with reason and remedy: :meth:`unanswerable`.

    ``encode``, ``sample`` and ``reconstruct`` answer by site, :class:`~ppgen.by_site.BySite`, whatever the model:
    ``fit.encode()["z"]``, or ``.only``, or ``fit.encode(site="z")``. Figures are drawn by ``fit.plot``.

    Args:
        state: model and guide, and what else was trained: ``fit.state.networks["critic"]``.
        objective: that was minimised.
        data: the data set that it was fitted to.
        history: one row an epoch.
        settings: the arguments of the fit.
        seconds: of training.
        stopped: ``""``, ``"early"``, ``"interrupted"`` or ``"diverged"``.
        folder: the run folder, if there is one.
    """

    plot: Any  # accessors, as all that the facade's table adds
    traverse: Any
    interpolate: Any
    arithmetic: Any
    manifold: Any
    complete: Any
    translate: Any
    gold_posterior: Any
    classify: Any
    outlier_score: Any
    invert: Any
    with_noise: Any

    def __init__(
        self,
        state: State,
        objective: Objective,
        data: Dataset,
        *,
        history: list[dict[str, Any]],
        settings: Mapping[str, Any],
        seconds: float,
        stopped: str = "",
        folder: Path | None = None,
    ) -> None:
        super().__init__(state, data, settings)
        self.objective, self.history, self.seconds = objective, history, seconds
        self.stopped, self.folder = stopped, folder

    # Density ---------------------------------------------------------------------------------------------------------

    def elbo(self, data: Any = None, num_particles: int = 1, *, seed: int = 0) -> Estimate:
        """The evidence lower bound, a mean over data in nats per datum; exact log p(x) without latents.

        All log-ratios are sampled. The standard error is over data (over particles, if a latent is global). Of a
        program that sums latents out, it is by Pyro's ``TraceEnum_ELBO``; of one taken whole, in nats of the data set.

        Args:
            data: what to evaluate; default: the test split (of a program that was taken whole, what it was fitted to).
            num_particles: draws of the guide for each datum.
            seed: of those draws.
        """
        self._must_answer("density")
        if needs_reference(self.model, self.guide):
            return self._reference_elbo(data, num_particles, seed)
        if self.guide is None:
            return self.log_prob(data)
        batch = self._batch(data)
        values = importance.elbo(self.model, self.guide, batch, num_particles, seed)
        return self._estimate(values, "lower bound", f"ELBO-{num_particles}", batch)

    def log_prob(self, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Estimate:
        """``log p(x)``, a mean over data in nats per datum: exact without latents, else the IWAE-K bound.

        With global latents: ``log p(x_i | train)`` by the guide, ``log 1/K sum_k p(x_i | theta_k)``, a bound too.

        Args:
            data: what to evaluate; default: the test split.
            num_particles: K, draws of the guide for each datum.
            seed: of those draws.
        """
        values, batch = self._log_densities(data, num_particles, seed)
        name = "lppd" if self.has_global_latent else "IWAE"
        told = ("exact", f"log {self.density_of}") if self.guide is None else ("lower bound", f"{name}-{num_particles}")
        return self._estimate(values, *told, batch)

    def log_prob_per_datum(self, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Tensor:
        """``log p(x_i)`` or its bound, as :meth:`log_prob` says, for each datum: [N], float64, nats.

        Args:
            data: what to evaluate; default: the test split.
            num_particles: draws of the guide for each datum.
            seed: of those draws.
        """
        return self._log_densities(data, num_particles, seed)[0]

    def log_weights(self, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Tensor:
        """Log importance weights ``log p(x_i, z_ik) - log q(z_ik | x_i)``: [num_particles, N], float64, nats.

        Their ``logsumexp(0) - log K`` is :meth:`log_prob_per_datum` of the same seed. Discrete latents are summed out.

        Args:
            data: what to weigh; default: the test split.
            num_particles: K, draws of the guide for each datum.
            seed: of those draws.

        Raises:
            Unanswerable: for a model without latents or with a global one, an implicit one, or a point guide.
        """
        guide = self._must_answer("density")
        self._must_be_local("log_weights")
        if guide is None:
            raise nothing_to_weigh(self.model)
        batch = self._batch(data)
        must_fit("log_weights: num_particles", num_particles, 8 * len(next(iter(batch.values()))))
        return importance.weights_of_data(self.model, guide, batch, num_particles, seed).cpu()

    # Sampling --------------------------------------------------------------------------------------------------------

    @overload
    def sample(self, n: int, *, site: None = ..., seed: int = ..., **values: Any) -> BySite: ...
    @overload
    def sample(self, n: int, *, site: str, seed: int = ..., **values: Any) -> Tensor: ...
    def sample(
        self,
        n: int,
        *,
        site: str | None = None,
        seed: int = 0,
        mean: bool = False,
        temperature: float = 1.0,
        progress: bool = False,
        **values: Any,
    ) -> BySite | Tensor:
        """Draw ``n`` new data points; a global latent is drawn once, from the guide.

        Args:
            n: how many.
            site: give the tensor of this site alone.
            seed: of the draws.
            mean: give the likelihood's mean at each draw of the latents: sharper to look at, but no sample of x. What
                has no mean in closed form, such as a class, is drawn.
            temperature: of an autoregressive site; below 1 its draws are surer than the model is.
            progress: show a bar, of draws that are made position by position.
            **values: of covariates of other names, each [n, ...], or one for all: ``fit.sample(10, y=3)``.

        Returns:
            [n, *event] by observed site, or the tensor of ``site``.

        Raises:
            Unanswerable: naming the covariates that are missing.
            SettingError: naming an argument that is no covariate, or an unknown site.
        """
        self._must_answer("sampling")
        must_fit("sample: n", n, max(4, self._bytes_of_row(self.observed)))
        given = self._to_device(predictive.prior_batch(self.model, self.data, n, values))
        fixed = self._draw_global(seed)
        with progress_of_draws(progress), at_temperature(temperature, self.model):
            return answer_of(self._draw(given, n, fixed, mean, seed), site)

    @overload
    def decode(self, latents: Any, *, site: None = ..., seed: int = ..., **values: Any) -> BySite: ...
    @overload
    def decode(self, latents: Any, *, site: str, seed: int = ..., **values: Any) -> Tensor: ...
    def decode(self, latents: Any, *, site: str | None = None, seed: int = 0, **values: Any) -> BySite | Tensor:
        """The likelihood's mean at given latents, by observed site, [N, *event] each: what codes stand for.

        Args:
            latents: [N, *event] by latent, or the tensor of the only one; an observed site above another is drawn.
            site: give the tensor of this site alone.
            seed: of draws, where the likelihood has no mean in closed form.
            **values: of covariates, as in :meth:`sample`.

        Raises:
            SettingError, DataError: for latents that the model does not have, or of another shape.
        """
        self._must_answer("sampling")
        codes = self._to_device(predictive.as_latents(self.model, latents))
        n = len(next(iter(codes.values())))
        given = self._to_device(predictive.prior_batch(self.model, self.data, n, values))
        predictive.verify_latents(self.model, codes, given)
        return answer_of(self._draw(given, n, codes | self._draw_global(seed), True, seed), site)

    # Representation --------------------------------------------------------------------------------------------------

    @overload
    def encode(self, data: Any = ..., *, site: None = ..., seed: int = ...) -> BySite: ...
    @overload
    def encode(self, data: Any = ..., *, site: str, seed: int = ...) -> Tensor: ...
    def encode(self, data: Any = None, *, site: str | None = None, seed: int = 0) -> BySite | Tensor:
        """Posterior means ``E_q[z | x]`` by local latent, [N, *event] each.

        A Categorical latent gives the probabilities of its classes, ``q(y | x)`` [N, K]; one that is in the data has 1.

        Args:
            data: what to encode; default: the test split.
            site: give the tensor of this latent alone.
            seed: of draws, where a mean has no closed form.
        """
        guide = self._must_answer("representation")
        means = posterior.encode(self.model, guide, self._batch(data), seed=seed)
        return answer_of({name: value for name, value in means.items() if self._sites[name].local}, site)

    @overload
    def reconstruct(self, data: Any = ..., *, site: None = ..., seed: int = ...) -> BySite: ...
    @overload
    def reconstruct(self, data: Any = ..., *, site: str, seed: int = ...) -> Tensor: ...
    def reconstruct(self, data: Any = None, *, site: str | None = None, seed: int = 0) -> BySite | Tensor:
        """The likelihood's mean at the posterior mean of z, by observed site: like ``x``.

        A discrete latent takes its most probable value, and the others their posterior mean given that one.

        Args:
            data: what to reconstruct; default: the test split.
            site: give the tensor of this site alone.
            seed: of draws, where a mean has no closed form.
        """
        guide, batch = self._must_answer("representation"), self._batch(data)
        latents = posterior.point_estimates(self.model, guide, batch, seed=seed)
        return answer_of(predictive.reconstruct(self.model, latents, batch, seed=seed), site)

    def posterior(self, data: Any = None, num_draws: int = 1000, *, trust: bool = False, seed: int = 0) -> Any:
        """Draws from the guide as ArviZ data, with those of latents that the model sums out, which follow exactly.

        Also in ``posterior.nc`` if the fit has a run folder. With global latents there is a group ``log_likelihood``:
        ``log p(x_i | theta)``, local latents integrated out by 16 importance weights; of the training split it is what
        ``az.loo`` and ``az.compare`` ask for. What a model names by ``pyro.deterministic`` is among the draws.

        Args:
            data: to which they are posterior; default: the test split.
            num_draws: for each datum.
            trust: add ``constant_data``: of each datum ``pareto_k`` and ``out_of_model``, as :func:`trust_in` has them.
            seed: of the draws.
        """
        guide = self.guide
        if not self._latents or (guide is None and not summed_out(self.model, guide)):
            guide = self._must_answer("representation")
        must_fit("posterior: num_draws", num_draws, 4 * len(next(iter((batch := self._batch(data)).values()))))
        drawn = posterior.draw_posterior(self.model, guide, batch, num_draws, seed=seed)
        derived = derived_quantities(self.model, drawn, batch, seed=seed)
        if trust:
            self._must_be_local("posterior: trust")
        told = trust_in(self.model, self._must_answer("density"), batch, seed=seed) if trust else None
        draws = posterior.to_arviz(drawn | derived, batch, self._log_likelihoods(drawn, batch, seed), told)
        if self.folder is not None:
            RunFolder(self.folder).write_result("posterior.nc", lambda temporary: draws.to_netcdf(str(temporary)))
        return draws

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the run folder that ``ppgen.load`` reads.

        Args:
            folder: where to; one that holds a run already is refused.
        """
        run = RunFolder(folder)
        if run.exists:
            raise run.taken()
        settings = {key: value for key, value in self.settings.items() if key not in FACTS}
        facts = {key: self.settings[key] for key in FACTS if key in self.settings}  # earlier fits have fewer
        record = describe_run(self.model, self.guide, self.objective, self.data, settings=settings, facts=facts)
        run.begin(record)
        run.rewrite_history(self.history)
        run.finish(record, self.state.modules, seconds=self.seconds, stopped=self.stopped)
        self.folder = self.folder or run.path  # a copy made on the way is not where the run is kept

    def __repr__(self) -> str:
        guide = "no guide" if self.guide is None else label_of(self.guide)
        pair = f"{label_of(self.model)}, {guide}, {self.objective.name}, data={self.data.name!r}"
        return f"Fit({pair}, {len(self.history)} epochs, {self.seconds:.1f} s{self.stopped and f', {self.stopped}'})"
