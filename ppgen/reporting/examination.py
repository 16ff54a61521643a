"""What is wrong with a fit, in plain words, and what to do about it: ``ppgen doctor``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from ppgen.checked import checked
from ppgen.errors import PpgenError, Unanswerable
from ppgen.evaluation import Scorecard, evaluate, simulation_based_calibration
from ppgen.evaluation.answer import reason_of
from ppgen.evaluation.density import num_levels
from ppgen.evaluation.guide_tail import share_of_heavy_tails
from ppgen.evaluation.posterior_advice import warn_of_weights
from ppgen.evaluation.suspects import some_rows
from ppgen.fitted import Fit
from ppgen.reporting.game_notes import game_notes

__all__ = ["LOOKS", "Examination", "Finding", "examine"]

_ROWS = 500  # of the test split, whose weights are looked at
_FEWEST_EPOCHS = 5  # that show a curve
_NOTABLE = 0.02  # of what the validation bound has gained in all


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one look at a fit has found.

    Args:
        look: what was looked at.
        complaint: what is wrong, and its remedy; ``""`` if nothing is.
        refusal: why nobody could look; ``""`` if somebody did.
    """

    look: str
    complaint: str = ""
    refusal: str = ""


@dataclasses.dataclass(frozen=True)
class Examination:
    """What :func:`examine` found; ``print`` shows complaints first, then what else was looked at.

    Args:
        findings: one of each look.
    """

    findings: tuple[Finding, ...]

    @property
    def complaints(self) -> Mapping[str, str]:
        """What is wrong, by what was looked at."""
        return {found.look: found.complaint for found in self.findings if found.complaint}

    def __str__(self) -> str:
        fine = [found.look for found in self.findings if not found.complaint and not found.refusal]
        lines = [f"{look}: {complaint}" for look, complaint in self.complaints.items()] or ["nothing found"]
        lines += [f"looked at, and found nothing: {', '.join(fine)}"] if fine else []
        lines += [f"not looked at: {found.look} ({found.refusal})" for found in self.findings if found.refusal]
        return "\n".join(lines)


@checked
def examine(fit: Fit, *, seed: int = 0) -> Examination:
    """Look for what usually goes wrong with a fit: each complaint in a sentence, with its remedy.

    How training ended; whether the validation bound still rises, or has fallen again under the weights that were kept;
    the adversarial game; posterior collapse; the guide's importance weights, and its calibration on draws of the model;
    a continuous density of values on a grid. Nothing found is no proof that nothing is wrong: what was looked at is
    said, and so is what could not be.

    Args:
        fit: what ``ppgen.fit`` returned.
        seed: of all draws.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.MADE((1, 8, 8)), "digits", max_epochs=5, progress=False)
        >>> examine(fit).findings[0]
        Finding(look='how training ended', complaint='', refusal='')
    """
    return Examination(tuple(_found(name, look, fit, seed) for name, look in LOOKS.items()))


def _found(name: str, look: Callable[[Fit, int], str], fit: Fit, seed: int) -> Finding:
    try:
        return Finding(name, look(fit, seed))
    except PpgenError as error:
        return Finding(name, refusal=reason_of(error))


def _end(fit: Fit, seed: int) -> str:
    """Whether training came to its own end."""
    told = {
        "diverged": "training met a value that is not finite, and these are the weights before it: a smaller "
        "learning_rate, or clip_norm=10",
        "interrupted": f"training was interrupted after {len(fit.history)} epochs: "
        "ppgen.fit(..., out=folder, resume=True) goes on",
    }
    return told.get(fit.stopped, "")


def _bounds(fit: Fit) -> list[float]:
    """The validation bound (of a model without latents, log p) of each epoch that has one."""
    found = [row.get("valid", {}) for row in fit.history]
    bounds = [row.get("elbo", row.get("log_prob")) for row in found]
    known = [float(bound) for bound in bounds if bound is not None]
    if len(known) < _FEWEST_EPOCHS:
        raise Unanswerable(
            f"{len(known)} epochs with a validation bound are no curve",
            expected=f"{_FEWEST_EPOCHS} at least",
            got=str(len(known)),
            fix=f"max_epochs={2 * _FEWEST_EPOCHS}, and data with a validation split",
            code="U085",
        )
    return known


def _convergence(fit: Fit, seed: int) -> str:
    """Whether the last fifth of the epochs has gained a notable part of all that was gained."""
    bounds = _bounds(fit)
    last = max(1, len(bounds) // 5)
    gained = (sum(bounds[-last:]) - sum(bounds[-2 * last : -last])) / last
    total = max(bounds) - bounds[0]
    if fit.stopped == "early" or gained <= _NOTABLE * total:
        return ""
    return (
        f"the validation bound still rises, by {gained:.3g} nats over the last {last} of {len(bounds)} epochs, "
        f"{100 * gained / total:.0f} % of all that it has gained: max_epochs={2 * len(fit.history)}"
    )


def _overfitting(fit: Fit, seed: int) -> str:
    """Whether the weights of the last epoch were kept, though earlier ones were notably better."""
    bounds = _bounds(fit)
    best = max(range(len(bounds)), key=bounds.__getitem__)
    lost = bounds[best] - bounds[-1]
    if fit.settings.get("patience") is not None or lost <= _NOTABLE * (bounds[best] - bounds[0]):
        return ""
    return (
        f"the validation bound was best in epoch {best + 1} of {len(bounds)}, and has fallen by {lost:.3g} nats since: "
        "patience=10 keeps the best weights; a smaller model or more data overfits later"
    )


def _game(fit: Fit, seed: int) -> str:
    """What the notes on a game say."""
    if not fit.history or "critic_loss" not in fit.history[-1].get("train", {}):
        raise Unanswerable("no critic was trained", code="U086")
    return " ".join(game_notes(fit.history, _card(fit, "coverage", seed)))


def _collapse(fit: Fit, seed: int) -> str:
    """The alarm of the active units."""
    card = _card(fit, "active_units", seed)
    if reasons := card.refusals:
        raise Unanswerable("; ".join(reasons.values()), code="U087")
    return str(card.facts.get("collapse", "")).removeprefix("posterior collapse: ")


def _weights(fit: Fit, seed: int) -> str:
    """The tail of the guide's importance weights."""
    return warn_of_weights(share_of_heavy_tails(fit, some_rows(fit._batch(None), _ROWS, seed), seed=seed))


def _calibration(fit: Fit, seed: int) -> str:
    """The ranks of true latents among the guide's draws, on draws of the model."""
    found = simulation_based_calibration(fit, 200, seed=seed)
    remedy = "a richer guide, or ppgen.Simulation() after the ELBO"
    return "" if found.passes else f"{'; '.join(found.verdict.splitlines())}: {remedy}"


def _grid(fit: Fit, seed: int) -> str:
    """Whether a density could grow without bound by being narrow around values that come again and again."""
    if reason := fit.unanswerable("density"):
        raise Unanswerable(reason, code="U088")
    train = fit.data.split("train")
    explained = [fit.model.column_of(site) for site in fit.observed]
    levels = {name: num_levels(train[name]) for name in explained if name in train}
    if fit.settings.get("discrete_likelihood", True) or not any(levels.values()):
        return ""
    told = ", ".join(f"{count} levels of {name}" for name, count in levels.items() if count)
    return f"a continuous density of {told} has no upper bound: dequantize=True, or a discrete likelihood"


def _card(fit: Fit, key: str, seed: int) -> Scorecard:
    return evaluate(fit, [key], seed=seed, progress=False)


LOOKS: Mapping[str, Callable[[Fit, int], str]] = {
    "how training ended": _end,
    "convergence": _convergence,
    "overfitting": _overfitting,
    "adversarial game": _game,
    "posterior collapse": _collapse,
    "importance weights": _weights,
    "calibration of the guide": _calibration,
    "density of values on a grid": _grid,
}
"""What is looked at: each gives a complaint with its remedy, ``""``, or raises where it cannot look."""
