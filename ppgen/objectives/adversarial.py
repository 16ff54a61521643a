"""Adversarial training: a critic learns to tell data from draws, the model learns that it cannot."""

from __future__ import annotations

__all__ = ["Adversarial"]

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.arguments import finite_number, one_of, whole_number
from ppgen.context import frozen
from ppgen.declare import PyroProgram, covariate_names
from ppgen.errors import SettingError
from ppgen.nets import critic as default_critic
from ppgen.objectives.adversarial_game import Game
from ppgen.objectives.adversarial_losses import LOSSES
from ppgen.objectives.objective import Loss, Objective, Player, State, Step
from ppgen.objectives.own_critics import judged_site, judges_each_alone, must_be_module, must_hold_its_slope, own_critic


@dataclasses.dataclass(frozen=True, init=False, eq=False)
class Adversarial(Objective):
    """Train an implicit model against a critic, of which each fit has its own.

    Each step is two turns on one batch: the critic's on data and detached draws, then the generator's on new draws;
    with ``critic_steps=3`` the generator moves on every third batch, the critic on all. Draws come from calling the
    model, so that its latents, plates and covariates are those of its declaration.
    A game about pairs, whose model is told something, may show the critic a third kind: data beside what belongs to
    other data (``mismatched``), so that it learns early that the two go together. Captions, whose words are hard to
    see, need that.

    The record holds ``critic_loss`` and ``generator_loss``; what the critic says of data and of draws on average,
    ``critic_real`` and ``critic_fake`` (probabilities of being data for ``nonsaturating`` and ``minimax``, both 1/2 at
    the fixed point, and scores for the others); the shares of both that it tells apart, ``accuracy_real`` and
    ``accuracy_fake``; the penalties; and the divergence that the critic estimates, on its batch and by its present
    weights: ``jensen_shannon``, ``triangular_discrimination``, ``total_variation`` or ``wasserstein_1``.

    Args:
        critic: a module from events (and covariates by name, if the model has any) to scores ``[B]``; by default
            ``ppgen.nets.critic`` for the event shape of the model's implicit site. It is copied for each fit, whose
            trained critic is ``fit.state.networks["critic"]``.
        loss: ``"nonsaturating"``, ``"minimax"``, ``"least-squares"``, ``"hinge"`` or ``"wasserstein"``; see
            :mod:`ppgen.objectives.adversarial_losses`.
        critic_steps: steps of the critic, each on a batch of its own, for one of the generator; by default 5 for
            ``"wasserstein"`` and 1 for the others.
        gradient_penalty: weight of ``E (|grad c| - 1)^2`` between data and draws; by default 10 for ``"wasserstein"``
            and 0 for the others.
        one_sided: whether that is ``E max(0, |grad c| - 1)^2``, which data on a line need.
        r1: weight of ``E |grad c|^2 / 2`` on data.
        mismatched: weight, in the critic's loss, of data beside the covariates of the row before, taken for draws
            (S. Reed et al., "Generative adversarial text to image synthesis", 2016, arXiv 1605.05396, algorithm 1, with
            1/2). The fixed point then is no longer p(x | y) exactly: where data of one y could be of another, draws
            keep away from them.

    Raises:
        SettingError: an unknown loss; by :meth:`check`, a model without exactly one implicit site, a guide, or
            covariates that the default critic cannot read; by :meth:`setup`, ``"wasserstein"`` with a critic whose
            slope nothing holds.

    Example:
        >>> Adversarial().name, Adversarial(loss="hinge", r1=1.0).name
        ('Adversarial(nonsaturating)', 'Adversarial(hinge, r1=1)')
    """

    loss_name: str
    critic: nn.Module | None
    critic_steps: int
    gradient_penalty: float
    one_sided: bool
    r1: float
    mismatched: float

    def __init__(
        self,
        critic: nn.Module | None = None,
        loss: str = "nonsaturating",
        *,
        critic_steps: int | None = None,
        gradient_penalty: float | None = None,
        one_sided: bool = False,
        r1: float = 0.0,
        mismatched: float = 0.0,
    ) -> None:
        usual = LOSSES[one_of("Adversarial: loss", loss, LOSSES)]
        steps = usual.critic_steps if critic_steps is None else critic_steps
        weight = usual.gradient_penalty if gradient_penalty is None else gradient_penalty
        for name, value in {
            "critic": must_be_module("Adversarial", critic),
            "loss_name": loss,
            "critic_steps": whole_number("Adversarial: critic_steps", steps),
            "gradient_penalty": finite_number("Adversarial: gradient_penalty", weight, at_least=0, suggested=10.0),
            "one_sided": one_sided,
            "r1": finite_number("Adversarial: r1", r1, at_least=0, suggested=1.0),
            "mismatched": finite_number("Adversarial: mismatched", mismatched, at_least=0, suggested=0.5),
        }.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        rest = {key: value for key, value in self.settings().items() if key not in ("loss", "critic")}
        shown = (f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in rest.items())
        return f"Adversarial({', '.join([self.loss_name, *shown])})"

    @property
    def game(self) -> Game:
        """Both turns of what is played."""
        return Game(LOSSES[self.loss_name], self.gradient_penalty, self.one_sided, self.r1)

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
        if not model.is_implicit:
            raise SettingError(
                f"Adversarial: {type(model).__name__} has an observation noise, and its critic would see the noise",
                expected="the sampler alone, which is trained first; the noise is put around it afterwards",
                got=f"observation={type(model.observation).__name__}",  # type: ignore[attr-defined]
                fix="ppgen.fit(model without it, data).with_noise(noise), or objective=ppgen.ELBO()",
                code="S213",
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
                fix=f"Adversarial(critic=...) with def forward(self, {judged_site(model)}, {', '.join(covariates)})",
                code="S085",
            )
        if self.mismatched and not covariates:
            raise SettingError(
                f"Adversarial: {type(model).__name__} is told nothing that could be mismatched",
                expected="mismatched=0, or a model with covariates",
                got=f"mismatched={self.mismatched:g}",
                fix="mismatched=0, or ppgen.models.ConditionalGAN",
                code="S245",
            )

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        """The pair, and a critic: a copy of the one given, or one for the shape of the implicit site in the batch.

        Args:
            model: the model.
            guide: ``None``.
            batch: a few rows by site and covariate, [rows, ...] each.
        """
        self.check(model, guide)
        critic = own_critic(model, self.critic, lambda: default_critic(batch[judged_site(model)].shape[1:]))
        must_hold_its_slope("Adversarial", critic, self.game, self.loss_name)
        return State(model, guide, {"critic": critic})

    def players(self, state: State) -> list[Player]:
        settings = {"betas": self.game.loss.betas}
        return [
            Player("critic", [state.networks["critic"]], settings),
            Player("generator", [state.model], settings, every=self.critic_steps),
        ]

    def loss(self, state: State, player: str, step: Step) -> Loss:
        model, site, critic = step.model, judged_site(step.model), state.networks["critic"]
        real = step.batch[site]
        given = {name: step.batch[name] for name in model.covariates}

        def judge(x: Tensor) -> Tensor:
            return critic(x, **given)

        if player == "critic":
            with torch.no_grad():
                fake = model(given, len(real))[site]
            turn = self.game.critic(judge, real, fake, together=not given and judges_each_alone(critic))
            return self._with_strangers(turn, critic, real, given) if self.mismatched else turn
        fake = model(given, len(real))[site]
        with frozen(critic):
            return self.game.generator(judge, fake)

    def _with_strangers(self, turn: Loss, critic: nn.Module, real: Tensor, given: Mapping[str, Tensor]) -> Loss:
        """The critic's turn with data beside what the row before was told; equal covariates are no mismatch."""
        others = {name: told.roll(1, 0) for name, told in given.items()}
        scores = critic(real, **others)
        differs = [(told != others[name]).reshape(len(told), -1).any(1) for name, told in given.items()]
        wrong = torch.stack(differs).any(0).to(scores.dtype)

        def over_wrong(each: Tensor) -> Tensor:
            return (wrong * each.reshape(len(real), -1).mean(1)).sum() / wrong.sum().clamp(min=1)

        value = turn.value + self.mismatched * over_wrong(self.game.loss.of_draws(scores))
        verdict = over_wrong(self.game.loss.verdict(scores.detach()))
        return Loss(value, {**turn.record, "critic_loss": value.detach(), "critic_mismatched": verdict})

    def settings(self) -> dict[str, Any]:
        """Arguments; of a critic, a run folder keeps how to make it again if it is a network of ``ppgen.nets``."""
        usual = LOSSES[self.loss_name]
        defaults = {"critic_steps": usual.critic_steps, "gradient_penalty": usual.gradient_penalty}
        defaults |= {"one_sided": False, "r1": 0.0, "mismatched": 0.0}
        given = {} if self.critic is None else {"critic": self.critic}
        changed = {name: getattr(self, name) for name, default in defaults.items() if getattr(self, name) != default}
        return {"loss": self.loss_name} | given | changed
