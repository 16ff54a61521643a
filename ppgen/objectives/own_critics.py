"""The critics that one fit owns: copies of those that were given, or made for it, and held to what a game asks."""

from __future__ import annotations

__all__ = ["judged_site", "judges_each_alone", "must_be_module", "must_hold_its_slope", "own_critic"]

import copy
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from ppgen import nets
from ppgen.errors import SettingError
from ppgen.objectives.adversarial_game import Game


def judged_site(model: Any) -> str:
    """The name of the implicit site, whose values a critic judges.

    Args:
        model: with one.
    """
    return next(name for name, site in model.sites.items() if site.role == "implicit")


def must_be_module(owner: str, critic: Any) -> nn.Module | None:
    """The critic, if it is a module or ``None``.

    Args:
        owner: the objective, for the message.
        critic: as it was given.

    Raises:
        SettingError: saying what it is.
    """
    if critic is None or isinstance(critic, nn.Module):
        return critic
    raise SettingError(
        f"{owner}: the critic is no module",
        expected="an nn.Module from events [batch, ...] to logits [batch]",
        got=f"the class {critic.__name__}" if isinstance(critic, type) else type(critic).__name__,
        fix=f"critic={critic.__name__}(...)" if isinstance(critic, type) else "critic=ppgen.nets.critic(x_shape)",
        code="S086",
    )


def own_critic(model: nn.Module, given: nn.Module | None, make: Callable[[], nn.Module]) -> nn.Module:
    """A critic for one fit, where the model is and of its type.

    Args:
        model: that it plays against.
        given: of the user, which is copied; ``None`` for one made here.
        make: makes it.
    """
    critic = make() if given is None else copy.deepcopy(given)
    reference = next(model.parameters(), None)
    return critic if reference is None else critic.to(reference.device, reference.dtype)


_OF_EACH_ALONE = {
    *(nets.Critic, nets.ImageEncoder, nets.MLP, nets.PatchCritic, nets.VectorEncoder),
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Flatten, nn.Linear, nn.Sequential),
    *(nn.ELU, nn.GELU, nn.LeakyReLU, nn.ReLU, nn.Sigmoid, nn.SiLU, nn.Softplus, nn.Tanh),
}


def judges_each_alone(critic: nn.Module) -> bool:
    """Whether a critic is known to score an event whatever stands beside it in the batch.

    It is made of nothing but networks and layers that do: no batch normalisation, no spectral norm, which takes a step
    of its power iteration at each pass, and no module of somebody else's, which nobody here has read.

    Args:
        critic: of a fit.
    """
    return all(
        type(module) in _OF_EACH_ALONE
        and (not isinstance(module, nn.Flatten) or module.start_dim == 1)  # a Flatten(0) joins the rows
        for module in critic.modules()
    )


def must_hold_its_slope(owner: str, critic: nn.Module, game: Game, loss: str) -> None:
    """Refuse a critic of any slope where a game has a solution among those of bounded slope only.

    Args:
        owner: the objective, for the message.
        critic: of the fit.
        game: that is played.
        loss: its name.

    Raises:
        SettingError: with what would hold the slope.
    """
    if not game.loss.needs_lipschitz or game.gradient_penalty or any(map(is_parametrized, critic.modules())):
        return
    raise SettingError(
        f"{owner}: nothing holds the slope of the critic, and without that {loss!r} has no solution",
        expected="a gradient penalty, or a critic with spectral norms",
        got=f"gradient_penalty=0, and {type(critic).__name__} without parametrizations",
        fix=f"leave gradient_penalty out, or {owner}(critic=ppgen.nets.critic(x_shape, spectral=True), ...)",
        code="S193",
    )
