"""Unpaired translation: a critic for each of two domains, and a way back for each of two generators."""

from __future__ import annotations

__all__ = ["CycleTranslation"]

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ppgen.arguments import finite_number, one_of, whole_number
from ppgen.context import frozen
from ppgen.data import Dataset
from ppgen.declare import PyroProgram, covariate_names, label_of
from ppgen.errors import DataError, SettingError
from ppgen.nets import PatchCritic
from ppgen.objectives.adversarial_game import Game
from ppgen.objectives.adversarial_losses import LOSSES
from ppgen.objectives.image_pool import ImagePool
from ppgen.objectives.kept_draws import StepWithDraws
from ppgen.objectives.objective import Loss, Objective, Player, State, Step, TrainingPosition
from ppgen.objectives.own_critics import judges_each_alone, must_be_module, must_hold_its_slope, own_critic


@dataclasses.dataclass(frozen=True, init=False, eq=False)
class CycleTranslation(Objective):
    """``adversarial + cycle (E |a - F(G(a))| + E |b - G(F(b))|) + identity (E |b - G(b)| + E |a - F(a)|)``.

    G takes the domain ``a`` to ``b`` and F takes it back, as the model declares: two implicit sites, each told the
    domain that the other one makes. A critic of each domain judges translations, half of them from a pool of earlier
    ones. Each step is two turns on one batch: both critics', and both generators' on the same draws.

    The record is that of ``Adversarial``, of both critics together and of each as ``critic_loss/a``,
    ``accuracy_fake/a``; and the parts of the generators' loss without their weights: ``adversarial``, ``cycle`` and, if
    asked for, ``identity``, mean distances of a pixel summed over both ways.

    Reference: J.-Y. Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017
    (arXiv 1703.10593), equations 3 and section 5.2 for the identity.

    Args:
        critics: a module for each domain, from images to scores of any shape ``[B, ...]``; by default a
            ``ppgen.nets.PatchCritic``. They are copied for each fit, which has them as ``critic_a`` and ``critic_b``.
        loss: of the game, one of those of ``Adversarial``.
        cycle: weight of the way back.
        identity: weight of leaving alone what is in the domain already: it keeps colours, and forbids nothing.
        pool: how many translations of each critic's past are kept to be shown again; 0 for none.

    Raises:
        SettingError: an unknown loss; by :meth:`check`, a model that is no pair of translations, or a guide.
        DataError: by :meth:`check_data`, data without both domains.

    Example:
        >>> CycleTranslation().name, CycleTranslation(identity=5.0).name
        ('CycleTranslation(least-squares)', 'CycleTranslation(least-squares, identity=5)')
    """

    loss_name: str
    critics: Mapping[str, nn.Module]
    cycle: float
    identity: float
    pool: int

    def __init__(
        self,
        critics: Mapping[str, nn.Module] | None = None,
        loss: str = "least-squares",
        *,
        cycle: float = 10.0,
        identity: float = 0.0,
        pool: int = 50,
    ) -> None:
        given = dict(critics or {})
        for critic in given.values():
            must_be_module("CycleTranslation", critic)
        for name, value in {
            "critics": given,
            "loss_name": one_of("CycleTranslation: loss", loss, LOSSES),
            "cycle": finite_number("CycleTranslation: cycle", cycle, at_least=0, suggested=10.0),
            "identity": finite_number("CycleTranslation: identity", identity, at_least=0, suggested=5.0),
            "pool": whole_number("CycleTranslation: pool", pool, at_least=0, suggested=50),
        }.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        usual = {"cycle": 10.0, "identity": 0.0, "pool": 50}
        changed = [f"{key}={getattr(self, key):g}" for key, value in usual.items() if getattr(self, key) != value]
        return f"CycleTranslation({', '.join([self.loss_name, *changed])})"

    @property
    def game(self) -> Game:
        """Both turns of what each critic plays."""
        loss = LOSSES[self.loss_name]
        return Game(loss, loss.gradient_penalty)

    def settings(self) -> dict[str, Any]:
        """Arguments; of critics, a run folder keeps how to make them again if they are networks of ``ppgen.nets``."""
        given = {"critics": self.critics} if self.critics else {}
        return {"loss": self.loss_name} | given | {key: getattr(self, key) for key in ("cycle", "identity", "pool")}

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        told = [site.parents for site in model.sites.values() if site.role == "implicit"]
        is_pair = len(told) == len(model.sites) == 2 and all(len(parents) == 1 for parents in told)
        if not is_pair or len(covariate_names(model.sites)) < 2 or guide is not None:
            raise SettingError(
                f"CycleTranslation: {label_of(model)} is no pair of translations, one the way back of the other",
                expected="two sites @ppgen.implicit, def to_b(self, a) and def to_a(self, b), and no guide",
                got=", ".join(f"{s.role} {name} given {', '.join(s.parents)}" for name, s in model.sites.items())
                + ("" if guide is None else ", and a guide"),
                fix="ppgen.models.CycleGAN(a_shape, b_shape); from pairs, PairedTranslation()",
                code="S214",
            )

    def check_data(self, model: PyroProgram, data: Dataset) -> None:
        domains = list(_sites_into(model))
        if any(name not in data.keys for name in domains):
            first, second = (*data.domains, "horses", "zebras")[:2]
            raise DataError(
                f"CycleTranslation: {data.name} does not hold the two domains of {label_of(model)}",
                expected=f"columns {' and '.join(domains)}, whose rows need not belong together",
                got=repr(data).splitlines()[0],
                fix=f"ppgen.data.unpaired({domains[0]}=data.domains[{first!r}], {domains[1]}=data.domains[{second!r}])"
                if data.domains
                else f"ppgen.data.unpaired({domains[0]}={first}, {domains[1]}={second})",
                code="D114",
            )

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        """The pair, and for each domain a critic and a pool.

        Args:
            model: the model.
            guide: ``None``.
            batch: a few rows of both domains, [rows, ...] each.
        """
        self.check(model, guide)
        networks: dict[str, nn.Module] = {}
        for domain in _sites_into(model):
            shape = batch[domain].shape[1:]
            critic = own_critic(model, self.critics.get(domain), functools.partial(PatchCritic, shape))
            must_hold_its_slope("CycleTranslation", critic, self.game, self.loss_name)
            networks[f"critic_{domain}"] = critic
            if self.pool:
                networks[f"pool_{domain}"] = ImagePool(self.pool, shape).to(batch[domain])
        return State(model, guide, networks)

    def players(self, state: State) -> list[Player]:
        loss, critics = self.game.loss, [state.networks[f"critic_{domain}"] for domain in _sites_into(state.model)]
        settings = {"betas": loss.betas}
        return [Player("critic", critics, settings), Player("generator", [state.model], settings, loss.critic_steps)]

    def step(
        self, state: State, batch: Mapping[str, Tensor], size: int, position: TrainingPosition | None = None
    ) -> Step:
        return StepWithDraws(**vars(super().step(state, batch, size, position)))

    def loss(self, state: State, player: str, step: Step) -> Loss:
        assert isinstance(step, StepWithDraws)  # which is what step() makes
        into = _sites_into(step.model)
        real = {domain: step.batch[domain] for domain in into}
        rows = len(next(iter(real.values())))

        def translated(images: Mapping[str, Tensor]) -> dict[str, Tensor]:
            """The translations of images of each domain, by the domain that they are to look like."""
            made = step.model(images, rows)
            return {domain: made[site] for domain, site in into.items()}

        if player == "critic":
            return self._critics_turn(state, real, step.leave(translated(real)))
        fake = step.take(lambda: translated(real))
        critics = {domain: state.networks[f"critic_{domain}"] for domain in into}
        with frozen(*critics.values()):
            games = [self.game.generator(critics[domain], fake[domain]).value for domain in into]
        parts = {"adversarial": sum(games[1:], games[0]), "cycle": _distance(real, translated(fake))}
        value = parts["adversarial"] + self.cycle * parts["cycle"]
        if self.identity:
            first, second = into
            parts["identity"] = _distance(real, translated({first: real[second], second: real[first]}))
            value = value + self.identity * parts["identity"]
        return Loss(value, {name: part.detach() for name, part in {"generator_loss": value, **parts}.items()})

    def _critics_turn(self, state: State, real: Mapping[str, Tensor], fake: Mapping[str, Tensor]) -> Loss:
        """Both critics' losses, and their records each by itself and together: losses summed, all else averaged."""
        turns = {}
        for domain in real:
            shown = state.networks[f"pool_{domain}"](fake[domain]) if self.pool else fake[domain]
            critic = state.networks[f"critic_{domain}"]
            turns[domain] = self.game.critic(critic, real[domain], shown, together=judges_each_alone(critic))
        first, second = turns.values()
        record = {name: (first.record[name] + second.record[name]) / 2 for name in first.record}
        value = first.value + second.value
        each = {f"{name}/{domain}": part for domain, turn in turns.items() for name, part in turn.record.items()}
        return Loss(value, record | each | {"critic_loss": value.detach()})


def _sites_into(model: Any) -> dict[str, str]:
    """The site that makes images of each domain: the one whose parent is the other domain."""
    (first, (a,)), (second, (b,)) = ((name, site.parents) for name, site in model.sites.items())
    return {a: second, b: first}


def _distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
    """The mean distance of a pixel, summed over domains, []."""
    first, second = ((one[domain] - other[domain]).abs().mean() for domain in one)
    return first + second
