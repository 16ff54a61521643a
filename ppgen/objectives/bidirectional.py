"""Bidirectional adversarial training: generator and encoder learn together, from a critic of data beside codes."""

from __future__ import annotations

__all__ = ["Bidirectional"]

import dataclasses
from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.arguments import finite_number
from ppgen.context import frozen, preserved_state
from ppgen.declare import PyroProgram, covariate_names, label_of, without_latents
from ppgen.errors import SettingError
from ppgen.inference import trace_guide
from ppgen.nets import JoiningCritic
from ppgen.objectives.adversarial_game import Game
from ppgen.objectives.adversarial_losses import NonSaturating
from ppgen.objectives.objective import Loss, Objective, Player, State, Step
from ppgen.objectives.own_critics import judged_site, must_be_module, own_critic
from ppgen.objectives.requirements import must_be_local, must_be_pathwise


@dataclasses.dataclass(frozen=True, init=False, eq=False)
class Bidirectional(Objective):
    """Train an implicit model and a guide against one critic, which sees data beside codes.

    The critic tells pairs (x, z) with x from the data and z ~ q(z | x) from pairs with z from the prior and x = G(z).
    Where it cannot, both joint distributions are one: draws are like data, codes are like the prior, and the guide
    inverts the generator. Model and guide move together, and against the critic: each wants its pairs to be taken for
    the other's. There is no distance between pixels in it, so that what is kept of x is what its code says, not where
    each of its pixels is.

    The record is that of ``Adversarial``; ``generator_loss`` is of model and guide together.

    References: J. Donahue, P. Kraehenbuehl and T. Darrell, "Adversarial feature learning", 2017 (arXiv 1605.09782);
    V. Dumoulin et al., "Adversarially learned inference", 2017 (arXiv 1606.00704).

    Args:
        critic: a module from events ``[B, *event]`` and codes ``[B, D]``, all latents side by side, to logits ``[B]``;
            by default ``ppgen.nets.JoiningCritic``. It is copied for each fit, whose own is
            ``fit.state.networks["critic"]``.
        r1: weight of ``E |grad c|^2 / 2`` on data beside their codes.

    Raises:
        SettingError: by :meth:`check`, a model without exactly one implicit site, with a global latent or covariates,
            or no guide; by :meth:`setup`, a guide whose draws no gradient passes.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.GAN((1, 8, 8), 4)
        >>> fit = ppgen.fit(model, "digits", guide=ppgen.guides.MeanField(model), objective=Bidirectional(r1=1.0),
        ...     max_epochs=1, progress=False)
        >>> fit.encode().only.shape
        torch.Size([360, 4])
    """

    critic: nn.Module | None
    r1: float

    def __init__(self, critic: nn.Module | None = None, *, r1: float = 0.0) -> None:
        object.__setattr__(self, "critic", must_be_module("Bidirectional", critic))
        weight = finite_number("Bidirectional: r1", r1, at_least=0, suggested=1.0)
        object.__setattr__(self, "r1", weight)

    @property
    def name(self) -> str:
        return f"Bidirectional(r1={self.r1:g})" if self.r1 else "Bidirectional()"

    @property
    def game(self) -> Game:
        """Both turns of what is played."""
        return Game(NonSaturating(), r1=self.r1)

    def settings(self) -> dict[str, Any]:
        """Arguments; of a critic, a run folder keeps how to make it again if it is a network of ``ppgen.nets``."""
        return ({} if self.critic is None else {"critic": self.critic}) | {"r1": self.r1}

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        roles = {name: site.role for name, site in model.sites.items() if site.role != "latent"}
        told = covariate_names(model.sites)
        if list(roles.values()) != ["implicit"] or not getattr(model, "is_implicit", True) or told or guide is None:
            raise SettingError(
                f"Bidirectional: {label_of(model)} and its guide cannot play it",
                expected="latents, one site @ppgen.implicit without observation noise or covariates; a guide",
                got=f"sites {', '.join(f'{role} {name}' for name, role in roles.items()) or 'none'}, covariates "
                f"{', '.join(told) or 'none'}, {'no' if guide is None else 'a'} guide",
                fix="guide=ppgen.guides.MeanField(model); without a guide, ppgen.Adversarial(); with a density, "
                "ppgen.ELBO()",
                code="S236",
            )
        must_be_local(model, self)

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        """The pair, and a critic: a copy of the one given, or one for the shapes of events and codes.

        Args:
            model: the model.
            guide: of its latents.
            batch: a few rows by site, [rows, ...] each.
        """
        self.check(model, guide)
        rows = len(next(iter(batch.values())))
        with preserved_state(guide):
            draws = trace_guide(guide, without_latents(model, batch), rows)
        must_be_pathwise(draws, self)
        size = sum(draw.value.numel() for draw in draws.values()) // rows
        critic = own_critic(model, self.critic, lambda: JoiningCritic(batch[judged_site(model)].shape[1:], size))
        return State(model, guide, {"critic": critic})

    def players(self, state: State) -> list[Player]:
        settings = {"betas": self.game.loss.betas}
        return [
            Player("critic", [state.networks["critic"]], settings),
            Player("generator", [state.model, state.guide], settings),
        ]

    def loss(self, state: State, player: str, step: Step) -> Loss:
        critic, game, x = state.networks["critic"], self.game, step.batch[judged_site(step.model)]
        width = prod(x.shape[1:])

        def judge(pairs: Tensor) -> Tensor:
            return critic(pairs[:, :width].reshape(x.shape), pairs[:, width:])

        if player == "critic":
            with torch.no_grad():
                encoded, drawn = _encoded(step, x), _drawn(step, x)
            return game.critic(judge, encoded, drawn)
        encoded, drawn = _encoded(step, x), _drawn(step, x)
        with frozen(critic):
            # To the guide, "from the data" is what "from the prior" is to the model: the same loss of the other sign.
            value = game.generator(judge, drawn).value + game.loss.generator(-judge(encoded))
        return Loss(value, {"generator_loss": value.detach()})


def _encoded(step: Step, x: Tensor) -> Tensor:
    """Data beside codes that the guide draws for them, [B, Dx + Dz]."""
    draws = trace_guide(step.guide, without_latents(step.model, step.batch), len(x))
    return _beside(x, {name: draw.value for name, draw in draws.items()}, step)


def _drawn(step: Step, x: Tensor) -> Tensor:
    """What the model draws, beside the codes that it drew it from, likewise."""
    values = step.model({}, len(x))
    return _beside(values[judged_site(step.model)], values, step)


def _beside(x: Tensor, values: Mapping[str, Tensor], step: Step) -> Tensor:
    latents = [name for name, site in step.model.sites.items() if site.role == "latent"]
    return torch.cat([x.flatten(1), *(values[name].reshape(len(x), -1).to(x.dtype) for name in latents)], 1)
