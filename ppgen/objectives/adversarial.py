"""Adversarial training: a critic learns to tell data from draws, the model learns that it cannot."""

from __future__ import annotations

__all__ = ["Adversarial", "NonSaturating"]

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import one_of
from ppgen.context import frozen
from ppgen.declare import Model, PyroProgram, covariate_names
from ppgen.errors import SettingError
from ppgen.nets import critic as default_critic
from ppgen.objectives.objective import Loss, Objective, Player, TrainingPosition

Judge = Callable[[Tensor], Tensor]
"""What a loss calls: events ``[B, *event]`` to logits ``[B]``."""


class NonSaturating:
    """The critic is a classifier; the generator maximises the probability that its draws are taken for data.

    ``critic: -E log sigmoid(c(x)) - E log(1 - sigmoid(c(G(z))));  generator: -E log sigmoid(c(G(z)))``

    The generator's loss has the same fixed point as the minimax game, but its gradient does not vanish while the critic
    is still winning.

    Reference: I. Goodfellow et al., "Generative adversarial nets", 2014 (arXiv 1406.2661), section 3.
    """

    def critic(self, judge: Judge, real: Tensor, fake: Tensor) -> Loss:
        """The critic's loss: binary cross-entropy, summed over the two classes; ``2 log 2`` when all is lost.

        Args:
            judge: the critic.
            real: data, ``[B, *event]``.
            fake: draws that carry no gradient, ``[B, *event]``.
        """
        on_real, on_fake = judge(real), judge(fake)
        value = functional.softplus(-on_real).mean() + functional.softplus(on_fake).mean()
        record = {
            "critic_loss": value.detach(),
            "critic_real": on_real.detach().sigmoid().mean(),
            "critic_fake": on_fake.detach().sigmoid().mean(),
        }
        return Loss(value, record)

    def generator(self, judge: Judge, fake: Tensor) -> Loss:
        """The generator's loss: binary cross-entropy of draws labelled as data; ``log 2`` when the critic cannot tell.

        Args:
            judge: the critic.
            fake: draws, ``[B, *event]``.
        """
        value = functional.softplus(-judge(fake)).mean()
        return Loss(value, {"generator_loss": value.detach()})


LOSSES = {"nonsaturating": NonSaturating}
"""A further loss is a class with a critic's and a generator's loss, and an entry here."""


@dataclasses.dataclass(frozen=True, init=False, eq=False)
class Adversarial(Objective):
    """Train an implicit model against a critic, which belongs to the objective.

    Each step is two turns on one batch: the critic's on data and detached draws, then the generator's on new draws.
    Draws come from calling the model, so that its latents, plates and covariates are those of its declaration.
    The record holds ``critic_loss``, ``generator_loss`` and the mean probability that the critic gives to data and to
    draws of being data, ``critic_real`` and ``critic_fake``: both 1/2 at the fixed point.

    Args:
        critic: a module from events (and covariates by name, if the model has any) to logits ``[B]``; by default
            ``ppgen.nets.critic`` for the event shape of the model's implicit site.
        loss: ``"nonsaturating"``.

    Raises:
        SettingError: an unknown loss; by :meth:`check`, a model without exactly one implicit site, a guide, or
            covariates that the default critic cannot read.

    Example:
        >>> Adversarial().name
        'Adversarial(nonsaturating)'
    """

    loss_name: str

    def __init__(self, critic: nn.Module | None = None, loss: str = "nonsaturating") -> None:
        object.__setattr__(self, "loss_name", one_of("Adversarial: loss", loss, LOSSES))
        if critic is not None:
            self.networks["critic"] = critic

    @property
    def name(self) -> str:
        return f"Adversarial({self.loss_name})"

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        sites = getattr(model, "sites", {})
        roles = {name: site.role for name, site in sites.items() if site.role != "latent"}
        if list(roles.values()) != ["implicit"]:
            raise SettingError(
                f"Adversarial: {type(model).__name__} is not an implicit model",
                expected="one site @ppgen.implicit, and latents",
                got=", ".join(f"{role} {name}" for name, role in roles.items()) or "no declared sites",
                fix="objective=ppgen.ELBO(), or ppgen.MaximumLikelihood() for a model without latents",
            )
        if guide is not None:
            raise SettingError(
                "Adversarial: this objective does not train a guide",
                expected="guide=None",
                got=type(guide).__name__,
                fix="leave the guide out, or train model and guide by ppgen.ELBO() with an observation distribution",
            )
        covariates = covariate_names(sites)
        if covariates and "critic" not in self.networks:
            raise SettingError(
                f"Adversarial: the default critic cannot read the covariates of {type(model).__name__}",
                expected=f"a critic that sees what the model is conditioned on: {', '.join(covariates)}",
                got="critic=None",
                fix=f"Adversarial(critic=...) with def forward(self, {_implicit(model)}, {', '.join(covariates)})",
            )

    def players(self, model: nn.Module, guide: nn.Module | None) -> list[Player]:
        if "critic" not in self.networks:
            node = cast(Model, model).prior_run(size=2).nodes[_implicit(model)]
            critic = default_critic(node["value"].shape[1:])
            reference = next(model.parameters(), None)
            self.networks["critic"] = critic if reference is None else critic.to(reference.device, reference.dtype)
        # Adam's usual memory of 0.9 chases where the other player was; 0.5 is from A. Radford et al., 2016 (DCGAN).
        betas = (0.5, 0.999)
        return [Player("critic", [self.networks["critic"]], betas), Player("generator", [model], betas)]

    def loss(
        self,
        player: str,
        model: PyroProgram,
        guide: PyroProgram | None,
        batch: Mapping[str, Tensor],
        size: int,
        position: TrainingPosition,
    ) -> Loss:
        site, critic = _implicit(model), self.networks["critic"]
        real = batch[site]
        given = {name: batch[name] for name in covariate_names(cast(Model, model).sites)}

        def judge(x: Tensor) -> Tensor:
            return critic(x, **given)

        if player == "critic":
            with torch.no_grad():
                fake = model(given, len(real))[site]
            return LOSSES[self.loss_name]().critic(judge, real, fake)
        fake = model(given, len(real))[site]
        with frozen(critic):
            return LOSSES[self.loss_name]().generator(judge, fake)

    def settings(self) -> dict[str, Any]:
        """The loss; a critic of the user's own is no JSON and is given again when a run is loaded."""
        return {"loss": self.loss_name}


def _implicit(model: Any) -> str:
    return next(name for name, site in model.sites.items() if site.role == "implicit")
