"""Which of the three questions a pair can answer, read from its sites, and why not the others."""

from __future__ import annotations

from typing import Any

from ppgen.declare import covariate_names, label_of
from ppgen.errors import SettingError, Unanswerable
from ppgen.inference.reference import summed_out

__all__ = ["QUESTIONS", "find_obstacle", "nothing_to_weigh"]

QUESTIONS = ("density", "sampling", "representation")


def find_obstacle(
    model: Any, guide: Any, question: str, *, is_point: bool = False, read_noise: str = ""
) -> Unanswerable | None:
    """Why a question has no answer, with a way to one; ``None`` if it has an answer.

    Args:
        model: the model.
        guide: the guide, or ``None``.
        question: ``"density"``, ``"sampling"`` or ``"representation"``.
        is_point: whether the guide gives some latent as a point.
        read_noise: a latent that the model masks, and whose masked values it reads; ``""`` if there is none.

    Raises:
        SettingError: on an unknown question.
    """
    if question not in QUESTIONS:
        raise SettingError(
            "this is no question that a fit answers",
            expected=", ".join(QUESTIONS),
            got=repr(question),
            fix='fit.unanswerable("density")',
            code="S076",
        )
    latents = {name: site for name, site in model.sites.items() if site.role == "latent"}
    if question == "density":
        return _no_density(model, guide, latents, is_point, read_noise)
    if question == "representation":
        return _no_representation(model, guide, latents)
    return _no_sampling(model)


def _no_sampling(model: Any) -> Unanswerable | None:
    if model.is_whole:
        return Unanswerable(
            f"no sampling: {label_of(model)} runs on all rows at once, so that it cannot draw single data points",
            expected="a program that runs on a part of the rows as on a part of the data",
            got=model.why_whole,
            fix="fit.posterior() has draws of its latents, for pyro.infer.Predictive(model, posterior_samples=draws)",
            code="U028",
        )
    if factors := [name for name, site in model.sites.items() if site.role == "observed" and not site.is_normalised]:
        return Unanswerable(
            "no sampling: a factor weighs what the model draws, so that its draws are none of the density it has",
            expected="a distribution at every site",
            got=f"pyro.factor: {', '.join(factors)} of {label_of(model)}",
            fix='a likelihood that can be drawn from: pyro.sample("x", ..., obs=x)',
            code="U022",
        )
    if improper := [name for name, site in model.sites.items() if site.role == "latent" and not site.is_normalised]:
        return Unanswerable(
            "no sampling: a prior has no integral, so that nothing can be drawn from it",
            expected="a distribution at every site",
            got=f"improper: {', '.join(improper)} of {label_of(model)}",
            fix="a proper prior, however wide: dist.Normal(0.0, 1000.0); fit.posterior() has draws of the guide",
            code="U064",
        )
    return None


def _no_density(
    model: Any, guide: Any, latents: dict[str, Any], is_point: bool, read_noise: str
) -> Unanswerable | None:
    if model.is_implicit:
        is_told_all = not latents and covariate_names(model.sites)  # a translation, which takes no noise
        return Unanswerable(
            "no density: implicit model",
            expected="a likelihood p(x | z)",
            got=f"{label_of(model)}, which draws x from {'what it is told' if is_told_all else 'z'} and says no more",
            fix="what it makes can be held against the truth or against other data: fit.translate(), fit.sample()"
            if is_told_all
            else "fit.with_noise(), which puts an `observation` distribution around what the generator makes and fits "
            "a guide for a bound",
            code="U011",
        )
    if factors := [name for name, site in model.sites.items() if not site.is_normalised]:
        return Unanswerable(
            "no density: the model's is not normalised, so that its numbers are no log p(x) and no bound on it",
            expected="a distribution at every site",
            got=f"pyro.factor or an improper prior: {', '.join(factors)} of {label_of(model)}",
            fix='a likelihood with its normaliser, pyro.sample("x", ..., obs=x); history tells how the fit went',
            code="U023",
        )
    if set(latents) - set(summed_out(model, guide)) and guide is None:
        return Unanswerable(
            "no density: latent variables but no guide",
            expected="a guide q(z | x), for a bound",
            got=f"latents {', '.join(latents)} of {label_of(model)}",
            fix="ppgen.fit(model, data, guide=ppgen.guides.MeanField(model))",
            code="U012",
        )
    if latents and is_point:
        return Unanswerable(
            "no density: the guide is a point, which has no entropy, so that no bound on log p(x) follows",
            expected="a guide with spread",
            got=label_of(guide),
            fix="ppgen.fit(model, data, guide=ppgen.guides.MeanField(model))",
            code="U013",
        )
    if read_noise:
        return Unanswerable(
            f"no density: {read_noise!r} is masked, and what the mask leaves out is read by another site, so that the "
            "guide chooses it at no cost, and no bound on log p(x) follows",
            expected="a density that does not depend on values that are not counted",
            got=f"{label_of(model)}, which changes its density with them",
            fix=f"torch.where(mask, {read_noise}, 0) wherever the model reads it, or a prior without a mask",
            code="U025",
        )
    return None


def _no_representation(model: Any, guide: Any, latents: dict[str, Any]) -> Unanswerable | None:
    if not latents:
        return Unanswerable(
            "no representation: the model has no latent variables",
            expected="a latent site",
            got=f"sites {', '.join(model.sites)} of {label_of(model)}",
            fix="ask for its density and its samples, or fit a model with latent variables",
            code="U014",
        )
    if guide is None and not summed_out(model, guide):
        return Unanswerable(
            "no representation: no guide q(z | x) was fitted, so that z cannot be read from x",
            expected="a guide",
            got=f"{label_of(model)} alone",
            fix="fit.with_noise().encode(), or fit.invert() for the codes that come nearest"
            if model.is_implicit
            else "ppgen.fit(model, data, guide=ppgen.guides.MeanField(model)), which needs a likelihood p(x | z)",
            code="U015",
        )
    if model.is_whole:
        return Unanswerable(
            f"no representation: {label_of(model)} runs on all rows at once, so that data points have no code each",
            expected="a program that runs on a part of the rows as on a part of the data",
            got=model.why_whole,
            fix="fit.posterior() for draws of all latents",
            code="U029",
        )
    if not any(site.local for site in latents.values()):
        return Unanswerable(
            "no representation: all latent variables are global, so that data points have no code",
            expected="a latent with one value per datum",
            got=f"global latents {', '.join(latents)} of {label_of(model)}",
            fix="fit.posterior() for draws of them, fit.sample(n, ...) for what they predict",
            code="U016",
        )
    return None


def nothing_to_weigh(model: Any) -> Unanswerable:
    """The refusal of importance weights by a model without latents."""
    return Unanswerable(
        "log_weights: the model has no latent variables, so that there is nothing to weigh",
        expected="latents and a guide",
        got=label_of(model),
        fix="fit.log_prob_per_datum(data), which is exact",
        code="U009",
    )
