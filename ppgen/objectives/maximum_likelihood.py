"""Maximum likelihood: the ELBO of a model without latent variables, which is exact."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from torch import Tensor, nn

from ppgen.declare import PyroProgram, label_of
from ppgen.errors import SettingError
from ppgen.inference import elbo_parts
from ppgen.objectives.objective import Loss, Objective, Player, TrainingPosition

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
        sites = getattr(model, "sites", {}).values()
        latents = [site.name for site in sites if site.role == "latent"]
        implicit = getattr(model, "is_implicit", False)
        if latents or implicit:
            raise SettingError(
                f"MaximumLikelihood: {label_of(model)} has no exact log p(x) to maximise",
                expected="a model of observed sites only",
                got="an implicit site" if implicit else f"latent sites {latents}",
                fix="objective=ppgen.Adversarial()" if implicit else "objective=ppgen.ELBO()",
            )

    def players(self, model: nn.Module, guide: nn.Module | None) -> list[Player]:
        return [Player("likelihood", [model])]

    def loss(
        self,
        player: str,
        model: PyroProgram,
        guide: PyroProgram | None,
        batch: Mapping[str, Tensor],
        size: int,
        position: TrainingPosition,
    ) -> Loss:
        nll = elbo_parts(model, None, batch, size).distortion
        return Loss(nll, {"log_prob": -nll.detach()})
