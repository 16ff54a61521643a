"""Paired translation: a critic of pairs, and the distance to the true partner."""

from __future__ import annotations

__all__ = ["PairedTranslation"]

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ppgen.arguments import finite_number, one_of
from ppgen.context import frozen
from ppgen.data import Dataset
from ppgen.declare import PyroProgram, covariate_names, label_of
from ppgen.errors import DataError, SettingError
from ppgen.nets import PatchCritic
from ppgen.objectives.adversarial_game import Game
from ppgen.objectives.adversarial_losses import LOSSES
from ppgen.objectives.kept_draws import StepWithDraws
from ppgen.objectives.objective import Loss, Objective, Player, State, Step, TrainingPosition
from ppgen.objectives.own_critics import judged_site, must_be_module, must_hold_its_slope, own_critic


@dataclasses.dataclass(frozen=True, init=False, eq=False)
class PairedTranslation(Objective):
    """``adversarial + l1 E |x - G(given)|``: right on average by the distance, and sharp by the critic.

    The distance alone has its optimum at the median of all that x may be, which is blurred; the critic sees the image
    beside what it is a translation of, patch by patch, and tells a blur from data. Each step is two turns on one batch,
    the critic's first, on the same draws.

    The record is that of ``Adversarial``, and the two parts of the generator's loss: ``adversarial`` and ``l1``, the
    mean distance of a pixel, without its weight.

    Reference: P. Isola et al., "Image-to-image translation with conditional adversarial networks", 2017 (arXiv
    1611.07004), equation 4.

    Args:
        critic: a module from images, and the covariates by name, to scores of any shape ``[B, ...]``; by default
            ``ppgen.nets.PatchCritic``. It is copied for each fit, whose own is ``fit.state.networks["critic"]``.
        loss: of the game, one of those of ``Adversarial``.
        l1: weight of the distance; 0 leaves the critic alone, which only has to find the draw possible.

    Raises:
        SettingError: an unknown loss; by :meth:`check`, a model that translates nothing, or a guide.
        DataError: by :meth:`check_data`, data without pairs.

    Example:
        >>> PairedTranslation().name, PairedTranslation(loss="least-squares", l1=10.0).name
        ('PairedTranslation(nonsaturating, l1=100)', 'PairedTranslation(least-squares, l1=10)')
    """

    loss_name: str
    critic: nn.Module | None
    l1: float

    def __init__(self, critic: nn.Module | None = None, loss: str = "nonsaturating", *, l1: float = 100.0) -> None:
        for name, value in {
            "critic": must_be_module("PairedTranslation", critic),
            "loss_name": one_of("PairedTranslation: loss", loss, LOSSES),
            "l1": finite_number("PairedTranslation: l1", l1, at_least=0, suggested=100.0),
        }.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        return f"PairedTranslation({self.loss_name}, l1={self.l1:g})"

    @property
    def game(self) -> Game:
        """Both turns of what is played."""
        loss = LOSSES[self.loss_name]
        return Game(loss, loss.gradient_penalty)

    def settings(self) -> dict[str, Any]:
        """Arguments; of a critic, a run folder keeps how to make it again if it is a network of ``ppgen.nets``."""
        given = {} if self.critic is None else {"critic": self.critic}
        return {"loss": self.loss_name, "l1": self.l1} | given

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        roles = {name: site.role for name, site in model.sites.items() if site.role != "latent"}
        if list(roles.values()) != ["implicit"] or not covariate_names(model.sites) or guide is not None:
            raise SettingError(
                f"PairedTranslation: {label_of(model)} is no translation of what is given into one image",
                expected="one site @ppgen.implicit that is told what it translates, def x(self, given), and no guide",
                got=f"sites {', '.join(f'{role} {name}' for name, role in roles.items())}, covariates "
                f"{', '.join(covariate_names(model.sites)) or 'none'}, {'no' if guide is None else 'a'} guide",
                fix="ppgen.models.Pix2Pix(x_shape, given_channels); between two domains, CycleTranslation(); of noise "
                "alone, Adversarial()",
                code="S215",
            )

    def check_data(self, model: PyroProgram, data: Dataset) -> None:
        needed = [judged_site(model), *covariate_names(model.sites)]
        missing = [name for name in needed if name not in data.keys]
        if missing or data.domains:
            raise DataError(
                f"PairedTranslation: {data.name} holds no pairs",
                expected=f"rows that belong together of {' and '.join(needed)}",
                got=repr(data).splitlines()[0],
                fix="ppgen.CycleTranslation() and ppgen.models.CycleGAN learn from unpaired domains"
                if data.domains
                else 'ppgen.data.paired(data, "edges"), or data={"x": images, "given": images}',
                code="D115",
            )

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        """The pair, and a critic: a copy of the one given, or one of patches for the shapes in the batch.

        Args:
            model: the model.
            guide: ``None``.
            batch: a few rows by site and covariate, [rows, ...] each.
        """
        self.check(model, guide)
        critic = own_critic(model, self.critic, lambda: self._patch_critic(model, batch))
        must_hold_its_slope("PairedTranslation", critic, self.game, self.loss_name)
        return State(model, guide, {"critic": critic})

    def _patch_critic(self, model: Any, batch: Mapping[str, Tensor]) -> nn.Module:
        x, told = batch[judged_site(model)], covariate_names(model.sites)
        if told != ["given"] or x.dim() != 4 or batch["given"].shape[2:] != x.shape[2:]:
            raise SettingError(
                "PairedTranslation: the default critic reads an image beside the one that is given",
                expected="x [batch, channels, height, width], and given of the same height and width",
                got=", ".join(f"{name} {list(batch[name].shape)}" for name in (judged_site(model), *told)),
                fix=f"PairedTranslation(critic=...) with def forward(self, {', '.join([judged_site(model), *told])})",
                code="S216",
            )
        return PatchCritic(x.shape[1:], batch["given"].shape[1])

    def players(self, state: State) -> list[Player]:
        loss = self.game.loss
        settings = {"betas": loss.betas}
        return [
            Player("critic", [state.networks["critic"]], settings),
            Player("generator", [state.model], settings, every=loss.critic_steps),
        ]

    def step(
        self, state: State, batch: Mapping[str, Tensor], size: int, position: TrainingPosition | None = None
    ) -> Step:
        return StepWithDraws(**vars(super().step(state, batch, size, position)))

    def loss(self, state: State, player: str, step: Step) -> Loss:
        assert isinstance(step, StepWithDraws)  # which is what step() makes
        model, critic = step.model, state.networks["critic"]
        site, told = judged_site(model), covariate_names(model.sites)
        real, given = step.batch[site], {name: step.batch[name] for name in told}

        def judge(x: Tensor) -> Tensor:
            return critic(x, **given)

        def draw() -> dict[str, Tensor]:
            return {site: model(given, len(real))[site]}

        if player == "critic":
            return self.game.critic(judge, real, step.leave(draw())[site])
        fake = step.take(draw)[site]
        with frozen(critic):
            adversarial = self.game.generator(judge, fake).value
        distance = (real - fake).abs().mean()
        value = adversarial + self.l1 * distance
        parts = {"generator_loss": value, "adversarial": adversarial, "l1": distance}
        return Loss(value, {name: part.detach() for name, part in parts.items()})
