"""A model and its guide where their weights are: their sites, and data brought to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.context import evaluating, seeded
from ppgen.data import Dataset, as_batch
from ppgen.data.dataset import main_site
from ppgen.declare import label_of, verify_batch, without_latents
from ppgen.device import resolve_device
from ppgen.errors import DataError, DeclarationError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.explained import measure_of_mass, name_of_density, num_counted, seen_part
from ppgen.inference import (
    find_obstacle,
    importance,
    needs_reference,
    only_an_elbo,
    prediction,
    predictive,
    reference_draws,
    reference_estimator,
    summed_out,
    trace_guide,
)
from ppgen.inference.predictive import draw_global
from ppgen.objectives import State
from ppgen.runs import DTYPES, weights
from ppgen.surroundings import verify_no_handlers

__all__ = ["FittedPair"]

_PARTICLES = 16  # of a local latent, for each draw of the global ones


@checked
class FittedPair:
    """What stands behind every question to a fit: the pair, its device, and the data that it was fitted to.

    Args:
        state: model and guide, and what else was trained: ``fit.state.networks["critic"]``.
        data: the data set that the pair was fitted to.
        settings: the arguments of the fit, and the facts that were found out of data and pair.
    """

    def __init__(self, state: State, data: Dataset, settings: Mapping[str, Any]) -> None:
        self.state, self.data, self.settings = state, data, dict(settings)

    @property
    def model(self) -> Any:
        """Called as ``model(batch, size)``."""
        return self.state.model

    @property
    def guide(self) -> Any:
        """Likewise, or ``None``; another may take its place, such as one refined."""
        return self.state.guide

    @guide.setter
    def guide(self, guide: Any) -> None:
        self.state = dataclasses.replace(self.state, guide=guide)

    @property
    def num_parameters(self) -> int:
        """Trained parameters of model and guide; shared ones count once."""
        return sum(p.numel() for p in self._pair.parameters() if p.requires_grad)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next((p.device for p in self._pair.parameters()), torch.device("cpu"))

    @property
    def weights_digest(self) -> str:
        """SHA-256 of the weights as they are: that of the ``model.safetensors`` which ``fit.save`` writes."""
        return weights.digest(self.state.modules)

    def to(self, device: str | torch.device) -> Self:
        """Move the weights to another device; answers are on the CPU wherever they are.

        Args:
            device: ``"auto"``, ``"cpu"``, ``"cuda"`` ...

        Returns:
            This fit.

        Raises:
            SettingError: if there is no such device.
        """
        nn.ModuleList(self.state.modules.values()).to(resolve_device(device))
        return self

    @property
    def measure(self) -> str:
        """The measure of this model's densities: that of what it explains, unless a likelihood is continuous."""
        if not self.settings.get("discrete_likelihood", True):
            return "continuous"
        return measure_of_mass(self.data, [self.model.column_of(site) for site in self.observed])

    @property
    def observed(self) -> list[str]:
        """The sites that the model explains."""
        return [name for name, site in self._sites.items() if site.role != "latent"]

    @property
    def covariates(self) -> list[str]:
        """What the model reads of the data without explaining it: parents, or arguments, that are no sites."""
        _, known = predictive.covariates(self.model, self.data)
        return [name for name in known if name in self.data.keys]

    @property
    def density_of(self) -> str:
        """Which density the model has, as a reader would write it: ``p(x)``, ``p(x | y)``, ``p(unseen | seen)``."""
        covariates, main = self.covariates, main_site(self.data.splits["test"])
        # A part that is seen takes two covariates; without them, no row of the data need be looked at.
        seen = seen_part(self.data.representative_rows(), main, covariates) if len(covariates) > 1 else None
        return name_of_density([self.model.written.get(n, n) for n in self.observed], covariates, main, seen)

    @property
    def has_global_latent(self) -> bool:
        """Whether some latent is shared by all data points, such as the weights of a Bayesian regression."""
        return any(not site.local for site in self._latents.values())

    @property
    def has_point_codes(self) -> bool:
        """Whether the guide gives a latent of single data points as a point: the pair is an autoencoder."""
        if not self.settings.get("point_guide"):
            return False
        rows = self._to_device(without_latents(self.model, self.data.representative_rows()))
        with seeded(0, self.device), evaluating(self.guide):
            drawn = trace_guide(self.guide, rows, len(next(iter(rows.values()))))
        return any(drawn[name].is_delta for name, site in self._latents.items() if site.local and name in drawn)

    def num_dims(self, batch: Mapping[str, Tensor]) -> int:
        """How many dimensions a density of these data counts; 0 where that is no one number for all of them.

        Args:
            batch: tensors [N, ...] by site and covariate.
        """
        main = main_site(self.data.splits["test"])
        if [self.model.column_of(site) for site in self.observed] != [main]:
            return 0
        return num_counted(self.model, self._to_device(batch), main, self.covariates)

    def unanswerable(self, question: str) -> str | None:
        """Why ``"density"``, ``"sampling"`` or ``"representation"`` has no answer here; ``None`` if it has one.

        Args:
            question: one of the three.
        """
        error = self._refusal(question)
        return None if error is None else f"{error.what}; {error.fix}"

    # For the questions of a fit --------------------------------------------------------------------------------------

    @property
    def _pair(self) -> nn.ModuleList:
        """Model and guide, which give the parameters that they share once."""
        return nn.ModuleList([self.model] if self.guide is None else [self.model, self.guide])

    @property
    def _sites(self) -> Mapping[str, Any]:
        return self.model.sites

    @property
    def _latents(self) -> dict[str, Any]:
        return {name: site for name, site in self._sites.items() if site.role == "latent"}

    def _refusal(self, question: str) -> Unanswerable | None:
        facts = {"is_point": bool(self.settings.get("point_guide")), "read_noise": self.settings.get("read_noise", "")}
        return find_obstacle(self.model, self.guide, question, **facts)

    def _must_answer(self, question: str) -> Any:
        """The guide, if the question has an answer."""
        verify_no_handlers("a question to a fit")
        if (error := self._refusal(question)) is not None:
            raise error
        return self.guide

    def _bytes_of_row(self, names: Iterable[str] | None = None) -> int:
        """What one row of the data, or of some of its columns, takes as numbers of a model."""
        return sum(4 * v[:1].numel() for k, v in self.data.splits["train"].items() if names is None or k in names)

    def _must_be_local(self, question: str) -> None:
        """Refuse what belongs to single data points where they share one density, or where only an ELBO is known."""
        self._must_have_more_than_an_elbo(question)
        if self.has_global_latent:
            raise Unanswerable(
                f"{question}: {label_of(self.model)} has a global latent, so that data points share one density",
                expected="latents with one value per datum",
                got=", ".join(name for name, site in self._sites.items() if not site.local),
                fix="fit.elbo(data) bounds the log-density of the whole data set, given per datum",
                code="U010",
            )

    def _must_have_more_than_an_elbo(self, question: str) -> None:
        if needs_reference(self.model, self.guide):
            raise only_an_elbo(question, self.model, self.guide)

    def _draw_global(self, seed: int) -> dict[str, Tensor]:
        """One draw of every global latent from the guide, [*event] each."""
        if self.guide is None or not self.has_global_latent:
            return {}
        rows = self._to_device(self.data.representative_rows())
        return draw_global(self.model, self.guide, rows, seed=seed)

    def _draw(self, given: dict[str, Tensor], n: int, fixed: dict[str, Tensor], mean: bool, seed: int) -> Any:
        return predictive.draw_observed(self.model, given, n, fixed=fixed, mean=mean, seed=seed, device=self.device)

    def _log_densities(self, data: Any, num_particles: int, seed: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Log-densities or bounds [N], and the batch that they are of."""
        guide = self._must_answer("density")
        self._must_have_more_than_an_elbo("log_prob")
        batch = self._batch(data)
        if guide is None or not self.has_global_latent:
            return importance.log_prob(self.model, guide, batch, num_particles, seed).cpu(), batch
        # The parameters of a declared guide know the training data; a hand-written one may look at them.
        rows = self._to_device(self.data.representative_rows() if guide.is_declared else self.data.split("train"))
        return prediction.log_predictive(self.model, guide, batch, rows, num_particles, seed).cpu(), batch

    def _log_likelihoods(
        self, draws: Mapping[str, Tensor], batch: Mapping[str, Tensor], seed: int
    ) -> dict[str, Tensor] | None:
        """``log p(x_i | theta_s)`` at draws of the global latents, [S, N], by its sites; ``None`` where there is none.

        Rows of a hand-written guide may have parameters of their own, so that its local latents cannot be drawn often.
        """
        theta = {name: value for name, value in draws.items() if name in self._sites and not self._sites[name].local}
        is_plain = self.model.is_declared or len(theta) == len(self._latents)
        is_plain = is_plain and not needs_reference(self.model, self.guide)
        if not theta or not is_plain or self._refusal("density") is not None:
            return None
        try:
            values = prediction.log_likelihoods(self.model, self.guide, batch, theta, _PARTICLES, seed)
        except DeclarationError:  # some site stands in no plate over the data
            return None
        return {", ".join(self.observed): values}

    def _to_device(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A batch where the weights are, in the types that the model was fitted to."""
        dtypes = {key: DTYPES[name] for key, name in self.settings.get("dtypes", {}).items()}
        return {key: value.to(self.device, dtypes.get(key, value.dtype)) for key, value in batch.items()}

    def _batch(self, data: Any) -> dict[str, Tensor]:
        """What a user passes as data, on the device, and verified: what the model excludes has no density."""
        default = "train" if self.model.is_whole else "test"  # a whole program may have parameters for each row
        batch = self._to_device(
            without_latents(self.model, self.data.split(default)) if data is None else as_batch(data, self.data)
        )
        if not batch or not len(next(iter(batch.values()))):
            raise DataError(
                "the test split is empty" if data is None else "there are no data",
                expected="at least one data point",
                got="0 rows",
                fix="pass data: fit.elbo(x), or keep a test split: ppgen.data.from_tensors(x, test=0.1)",
                code="D075",
            )
        verify_batch(self.model, self.guide, batch)
        return batch

    def _reference_elbo(self, data: Any, num_particles: int, seed: int) -> Estimate:
        """The bound by Pyro's estimator, a mean over particles: of the data set if the program was taken whole.

        It is exact where nothing is drawn: draws that are hidden from Pyro show in two runs that differ.
        """
        whole_number("num_particles", num_particles, suggested=1000)
        batch = self._batch(data)
        name = f"{reference_estimator(self.model, self.guide).__name__}-{num_particles}"
        is_drawn = set(self._latents) - set(summed_out(self.model, self.guide))
        values = reference_draws(self.model, self.guide, batch, num_particles if is_drawn else 2, seed)
        is_exact = not is_drawn and bool(torch.isclose(values[0], values[1], rtol=1e-5))
        kind, values = ("exact", values[:1]) if is_exact else ("lower bound", values)
        if not self.model.is_whole:
            return self._estimate(values / len(next(iter(batch.values()))), kind, name, batch)
        name = f"{name} of the training split" if data is None else name
        return dataclasses.replace(self._estimate(values, kind, name, batch), per="data set", num_dims=0)

    def _estimate(self, values: Tensor, kind: Any, estimator: str, batch: Mapping[str, Tensor]) -> Estimate:
        """The mean of log-densities of a batch, with its standard error."""
        error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else None
        return Estimate(
            float(values.mean()),
            error,
            kind=kind,
            unit="nats",
            measure=self.measure,
            estimator=estimator,
            num_data=len(next(iter(batch.values()))),
            better="higher",
            of=self.density_of,
            num_dims=self.num_dims(batch),
        )
