"""One game between a critic and whoever generates: both turns, with their penalties and their record."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ppgen.objectives.adversarial_losses import AdversarialLoss
from ppgen.objectives.critic_penalties import Judge, gradient_penalty, r1_penalty, slopes_between
from ppgen.objectives.objective import Loss

__all__ = ["Game"]

_FEW = 2**14  # numbers of a batch


@dataclasses.dataclass(frozen=True)
class Game:
    """The two turns of one game; an objective of several critics plays several.

    Args:
        loss: of both players.
        gradient_penalty: weight of :func:`~ppgen.objectives.critic_penalties.gradient_penalty` in the critic's loss.
        one_sided: whether slopes below 1 are free of it.
        r1: weight of :func:`~ppgen.objectives.critic_penalties.r1_penalty` in the critic's loss.
    """

    loss: AdversarialLoss
    gradient_penalty: float = 0.0
    one_sided: bool = False
    r1: float = 0.0

    def critic(self, judge: Judge, real: Tensor, fake: Tensor, *, together: bool = False) -> Loss:
        """The critic's turn.

        Args:
            judge: the critic.
            real: data, [B, ...].
            fake: draws that carry no gradient, [B, ...].
            together: whether the critic may see both in one pass: it judges each event by itself. It does where the
                data are few numbers, so that calling its layers takes longer than what they compute.

        Returns:
            The loss with its penalties. The record has it as ``critic_loss``; the mean verdict on both,
            ``critic_real`` and ``critic_fake``; the shares that are rightly told apart, ``accuracy_real`` and
            ``accuracy_fake``; the estimated divergence under its name; and the penalties without their weights.
        """
        if together and real.numel() <= _FEW:
            on_real, on_fake = judge(torch.cat([real, fake])).tensor_split([len(real)])
        else:
            on_real, on_fake = judge(real), judge(fake)
        value = self.loss.critic(on_real, on_fake)
        estimate = self.loss.divergence(value.detach())
        penalties: dict[str, Tensor] = {}
        if self.gradient_penalty:
            slopes = slopes_between(judge, real, fake)
            penalties["gradient_penalty"] = gradient_penalty(slopes, self.one_sided)
            value = value + self.gradient_penalty * penalties["gradient_penalty"]
            if self.loss.needs_lipschitz:  # a penalty bends the slope to a little above 1, and the gap with it
                estimate = estimate / slopes.detach().square().mean().sqrt().clamp(min=1.0)
        if self.r1:
            penalties["r1"] = r1_penalty(judge, real)
            value = value + self.r1 * penalties["r1"]
        with torch.no_grad():
            boundary = self.loss.boundary(on_real, on_fake)
            record = {
                "critic_loss": value.detach(),
                "critic_real": self.loss.verdict(on_real).mean(),
                "critic_fake": self.loss.verdict(on_fake).mean(),
                "accuracy_real": (on_real > boundary).mean(dtype=value.dtype),
                "accuracy_fake": (on_fake < boundary).mean(dtype=value.dtype),
                self.loss.divergence_name: estimate,
            }
        return Loss(value, record | {name: penalty.detach() for name, penalty in penalties.items()})

    def generator(self, judge: Judge, fake: Tensor) -> Loss:
        """The generator's turn.

        Args:
            judge: the critic, whose parameters are frozen.
            fake: draws, [B, ...].

        Returns:
            The loss, ``generator_loss`` in the record.
        """
        value = self.loss.generator(judge(fake))
        return Loss(value, {"generator_loss": value.detach()})
