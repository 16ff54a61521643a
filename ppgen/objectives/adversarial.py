"""Adversarial training: a critic learns to tell data from draws, the model learns that it cannot."""

from __future__ import annotations

__all__ = ["Adversarial", "NonSaturating"]

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import one_of, whole_number
from ppgen.context import frozen
from ppgen.declare import PyroProgram, covariate_names
from ppgen.errors import SettingError
from ppgen.nets import critic as default_critic
from ppgen.objectives.objective import Loss, Objective, Player, State, Step

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
    """Train an implicit model against a critic, of which each fit has its own.

    Each step is two turns on one batch: the critic's on data and detached draws, then the generator's on new draws;
    with ``critic_steps=3`` the generator moves on every third batch, the critic on all. Draws come from calling the
    model, so that its latents, plates and covariates are those of its declaration.
    The record holds ``critic_loss``, ``generator_loss`` and the mean probability that the critic gives to data and to
    draws of being data, ``critic_real`` and ``critic_fake``: both 1/2 at the fixed point.

    Args:
        critic: a module from events (and covariates by name, if the model has any) to logits ``[B]``; by default
            ``ppgen.nets.critic`` for the event shape of the model's implicit site. It is copied for each fit, whose
            trained critic is ``fit.state.networks["critic"]``.
        loss: ``"nonsaturating"``.
        critic_steps: steps of the critic, each on a batch of its own, for one of the generator.

    Raises:
        SettingError: an unknown loss; by :meth:`check`, a model without exactly one implicit site, a guide, or
            covariates that the default critic cannot read.

    Example:
        >>> Adversarial().name
        'Adversarial(nonsaturating)'
    """

    loss_name: str
    critic: nn.Module | None
    critic_steps: int

    def __init__(self, critic: nn.Module | None = None, loss: str = "nonsaturating", *, critic_steps: int = 1) -> None:
        object.__setattr__(self, "critic", _must_be_module(critic))
        object.__setattr__(self, "loss_name", one_of("Adversarial: loss", loss, LOSSES))
        object.__setattr__(self, "critic_steps", whole_number("Adversarial: critic_steps", critic_steps))

    @property
    def name(self) -> str:
        steps = "" if self.critic_steps == 1 else f", critic_steps={self.critic_steps}"
        return f"Adversarial({self.loss_name}{steps})"

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        roles = {name: site.role for name, site in model.sites.items() if site.role != "latent"}
        if list(roles.values()) != ["implicit"]:
            raise SettingError(
                f"Adversarial: {type(model).__name__} is not an implicit model",
                expected="one site @ppgen.implicit, and latents",
                got=", ".join(f"{role} {name}" for name, role in roles.items()) or "no declared sites",
                fix="objective=ppgen.ELBO(), or ppgen.MaximumLikelihood() for a model without latents",
                code="S083",
            )
        if guide is not None:
            raise SettingError(
                "Adversarial: this objective does not train a guide",
                expected="guide=None",
                got=type(guide).__name__,
                fix="leave the guide out, or train model and guide by ppgen.ELBO() with an observation distribution",
                code="S084",
            )
        covariates = covariate_names(model.sites)
        if covariates and self.critic is None:
            raise SettingError(
                f"Adversarial: the default critic cannot read the covariates of {type(model).__name__}",
                expected=f"a critic that sees what the model is conditioned on: {', '.join(covariates)}",
                got="critic=None",
                fix=f"Adversarial(critic=...) with def forward(self, {_implicit(model)}, {', '.join(covariates)})",
                code="S085",
            )

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        """The pair, and a critic: a copy of the one given, or one for the shape of the implicit site in the batch.

        Args:
            model: the model.
            guide: ``None``.
            batch: a few rows by site and covariate, [rows, ...] each.
        """
        self.check(model, guide)
        critic = copy.deepcopy(self.critic)
        if critic is None:
            critic = default_critic(batch[_implicit(model)].shape[1:])
        reference = next(model.parameters(), None)
        if reference is not None:
            critic = critic.to(reference.device, reference.dtype)
        return State(model, guide, {"critic": critic})

    def players(self, state: State) -> list[Player]:
        # Adam's usual memory of 0.9 chases where the other player was; 0.5 is from A. Radford et al., 2016 (DCGAN).
        settings = {"betas": (0.5, 0.999)}
        return [
            Player("critic", [state.networks["critic"]], settings),
            Player("generator", [state.model], settings, every=self.critic_steps),
        ]

    def loss(self, state: State, player: str, step: Step) -> Loss:
        model, site, critic = step.model, _implicit(step.model), state.networks["critic"]
        real = step.batch[site]
        given = {name: step.batch[name] for name in covariate_names(model.sites)}

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
        """Plain arguments; a critic of the user's own is no JSON, and is given again when a run is loaded."""
        steps = {} if self.critic_steps == 1 else {"critic_steps": self.critic_steps}
        return {"loss": self.loss_name, **steps}


def _must_be_module(critic: Any) -> nn.Module | None:
    if critic is None or isinstance(critic, nn.Module):
        return critic
    raise SettingError(
        "Adversarial: the critic is no module",
        expected="an nn.Module from events [batch, ...] to logits [batch]",
        got=f"the class {critic.__name__}" if isinstance(critic, type) else type(critic).__name__,
        fix=f"critic={critic.__name__}(...)" if isinstance(critic, type) else "critic=ppgen.nets.critic(x_shape)",
        code="S086",
    )


def _implicit(model: Any) -> str:
    return next(name for name, site in model.sites.items() if site.role == "implicit")
