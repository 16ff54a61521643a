"""Which of the three questions a pair cannot answer, read from its sites."""

from __future__ import annotations

from typing import Any

from ppgen.errors import SettingError

__all__ = ["QUESTIONS", "unanswerable"]

QUESTIONS = ("density", "sampling", "representation")


def unanswerable(model: Any, guide: Any, question: str) -> str | None:
    """The reason why a question has no answer, with a way to one; ``None`` if it has an answer.

    Raises:
        SettingError: on an unknown question.
    """
    if question not in QUESTIONS:
        raise SettingError(
            f"unknown question {question!r}", expected=", ".join(QUESTIONS), fix='fit.unanswerable("density")'
        )
    latents = any(site.role == "latent" for site in getattr(model, "sites", {}).values())
    implicit = getattr(model, "is_implicit", False)
    if question == "sampling":
        return None
    if question == "density":
        if implicit:
            return (
                "no density: implicit model. The generator draws x but gives no p(x | z); declare an `observation` "
                "distribution around its output and fit a guide for a bound"
            )
        if latents and guide is None:
            return "no density: latent variables but no guide; fit one: guide=ppgen.guides.MeanField(model)"
        if latents and getattr(guide, "is_point", False):
            return (
                "no density: the guide is a point, which has no entropy, so that no bound on log p(x) follows; "
                "fit a guide with spread: guide=ppgen.guides.MeanField(model)"
            )
        return None
    if not latents:
        return "no representation: the model has no latent variables"
    if guide is None:
        return "no representation: no guide q(z | x) was fitted, so that z cannot be read from x"
    return None
