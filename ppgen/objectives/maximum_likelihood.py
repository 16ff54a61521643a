"""Maximum likelihood: the ELBO of a model without latent variables, which is exact."""

from __future__ import annotations

import dataclasses

from ppgen.declare import PyroProgram, label_of
from ppgen.errors import SettingError
from ppgen.inference import elbo_parts
from ppgen.objectives.objective import Loss, Objective, Player, State, Step

__all__ = ["MaximumLikelihood"]


@dataclasses.dataclass(frozen=True)
class MaximumLikelihood(Objective):
    """Maximise ``log p(x)`` of a model without latents, such as an autoregressive one; in nats per datum.

    Raises:
        SettingError: by :meth:`check`, if the model has latent variables or an implicit site.

    Example:
        >>> MaximumLikelihood().name
        'MaximumLikelihood()'
    """

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        latents = [site.name for site in model.sites.values() if site.role == "latent"]
        implicit = model.is_implicit
        if latents or implicit:
            raise SettingError(
                f"MaximumLikelihood: {label_of(model)} has no exact log p(x) to maximise",
                expected="a model of observed sites only",
                got="an implicit site" if implicit else f"latent sites {latents}",
                fix="objective=ppgen.Adversarial()" if implicit else "objective=ppgen.ELBO()",
                code="S092",
            )

    def players(self, state: State) -> list[Player]:
        return [Player("likelihood", [state.model])]

    def loss(self, state: State, player: str, step: Step) -> Loss:
        drawn = elbo_parts(step.model, None, step.batch, step.size)
        name = "log_prob" if drawn.trace.is_normalised else "unnormalised_log_prob"
        return Loss(drawn.distortion, {name: drawn.elbo.detach()})
