"""Pyro's own ELBO in the place of ppgen's, where only that is right."""

from __future__ import annotations

from ppgen.declare import ProgramModule, ProgramPart, label_of
from ppgen.errors import SettingError
from ppgen.inference import needs_reference, summed_out
from ppgen.objectives import ELBO, Objective, PyroELBO

__all__ = ["pyro_objective"]


def pyro_objective(model: ProgramModule, guide: ProgramModule | None, objective: Objective | None) -> Objective | None:
    """Pyro's own ELBO for a hand-written pair that needs it, or whose guide asks to have its latents enumerated.

    What a guide enumerates can be drawn too, by an ELBO with another gradient: the user's choice then. A factor of the
    guide with ``has_rsample=False`` has its gradient by the score, which only Pyro's has.

    Args:
        model: set up.
        guide: likewise, or ``None``.
        objective: the user's, or ``None``.

    Returns:
        The objective; ``None`` where the choice is free.

    Raises:
        SettingError: for an objective other than a plain ELBO, where Pyro's is needed.
    """
    if not isinstance(model, ProgramPart) or isinstance(objective, PyroELBO):
        return None
    scored = frozenset() if guide is None else guide.scored
    needed = needs_reference(model, guide) or bool(scored)
    particles = objective.num_particles if isinstance(objective, ELBO) else 1
    plain = (None, ELBO(num_particles=particles), ELBO(num_particles=particles, closed_form=False))
    if objective in plain:
        return PyroELBO(num_particles=particles) if needed or (guide is not None and guide.enumerated) else None
    if needed and isinstance(objective, Objective):
        why = f"pyro.factor({', '.join(map(repr, sorted(scored)))}, ..., has_rsample=False) in the guide"
        if needs_reference(model, guide):
            why = model.why_whole or f"summed out: {', '.join(summed_out(model, guide))}"
        raise SettingError(
            f"{objective.name}: only Pyro's own ELBO trains {label_of(model)} as it is written",
            expected="objective=None, or ppgen.ELBO(num_particles=...) without other settings",
            got=why,
            fix="leave objective out",
            code="S145",
        )
    return None
