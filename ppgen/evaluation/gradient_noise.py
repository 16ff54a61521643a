"""Signal and noise of a stochastic gradient: what an estimator of the gradient buys."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from ppgen.arguments import whole_number
from ppgen.context import preserved_state, restored, same_weights, seeded, validation
from ppgen.declare import ProgramModule
from ppgen.objectives import Objective, State, TrainingPosition

__all__ = ["GradientNoise", "gradient_noise"]


@dataclasses.dataclass(frozen=True)
class GradientNoise:
    """Moments of a stochastic gradient, over all parameters of a module together.

    Args:
        mean_norm: length of the expected gradient; the noise of its estimate is taken off (0 if nothing is left).
        variance: trace of the gradient's covariance.
        num_draws: gradients that they were estimated from.
        num_parameters: numbers in the gradient.
    """

    mean_norm: float
    variance: float
    num_draws: int
    num_parameters: int

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio ``|E g| / sqrt(trace Cov g)``; infinite where there is no noise."""
        if self.variance == 0:
            return math.inf if self.mean_norm else 0.0
        return self.mean_norm / math.sqrt(self.variance)

    def __str__(self) -> str:
        return f"SNR {self.snr:.3g} (|mean| {self.mean_norm:.3g}, variance {self.variance:.3g}, n={self.num_draws})"


def gradient_noise(
    model: ProgramModule,
    guide: ProgramModule | None,
    objective: Objective,
    batch: Mapping[str, Tensor],
    *,
    size: int | None = None,
    num_draws: int = 100,
    seed: int = 0,
) -> dict[str, GradientNoise]:
    """Signal and noise of an objective's gradient at the present parameters, on one batch.

    Only draws of the latents make the noise: the batch stays the same. Schedules stand at their end. Parameters,
    buffers and random states are left as they are.

    Reference:
        Rainforth, Kosiorek, Le, Maddison, Igl, Wood and Teh, 2018, Tighter Variational Bounds are Not Necessarily
        Better (there for each parameter; here for all of a module together).

    Args:
        model: whose gradient is taken.
        guide: likewise; ``None`` for a model without latents.
        objective: the estimator; those of several objectives compare if they have the same expected gradient.
        batch: [B, ...] each, on the model's device.
        size: data points in the whole data set; default: B.
        num_draws: gradients, at least 2.
        seed: of their noise.

    Returns:
        ``"model"`` and ``"guide"``, where these have trainable parameters.

    Raises:
        SettingError: on fewer than two draws.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> noise = gradient_noise(
        ...     model, ppgen.guides.MeanField(model), ppgen.ELBO(), {"x": torch.zeros(5, 1, 8, 8)}, num_draws=5
        ... )
        >>> sorted(noise), noise["guide"].snr > 0
        (['guide', 'model'], True)
    """
    whole_number("gradient_noise: num_draws", num_draws, at_least=2, suggested=100)
    column = next(iter(batch.values()))
    # An adversarial game draws its critics, and a codebook begins at codes of the batch.
    with restored(model, guide), seeded(seed, column.device):
        state = objective.setup(model, guide, batch)
    owners = {"model": model} | ({} if guide is None else {"guide": guide})
    owned = {owner: _trainable([module]) for owner, module in owners.items()}
    unique = _trainable(owners.values())
    mean = {id(p): torch.zeros_like(p, dtype=torch.float64) for p in unique}
    square = {id(p): torch.zeros_like(p, dtype=torch.float64) for p in unique}  # sum of squared deviations
    held = nn.ModuleList(state.modules.values())
    with (
        preserved_state(held),
        validation(False),
        seeded(seed, column.device),
        torch.enable_grad(),
    ):
        for drawn in range(1, num_draws + 1):  # B. Welford's recursion, which keeps small variances of large means
            with same_weights(held):  # a codebook moves while its loss is computed
                found = _gradient(objective, state, batch, size or len(column))
            for key, gradient in ((key, found[key]) for key in found if key in mean):  # a critic is neither's part
                away = gradient - mean[key]
                mean[key] += away / drawn
                square[key] += away * (gradient - mean[key])
    return {owner: _moments(parameters, mean, square, num_draws) for owner, parameters in owned.items() if parameters}


def _trainable(modules: Iterable[nn.Module]) -> list[nn.Parameter]:
    """Trainable parameters, shared ones once."""
    return list({id(p): p for module in modules for p in module.parameters() if p.requires_grad}.values())


def _gradient(objective: Objective, state: State, batch: Mapping[str, Tensor], size: int) -> dict[int, Tensor]:
    """One gradient by parameter: of each player's loss, with respect to what that player moves."""
    found: dict[int, Tensor] = {}
    step = objective.step(state, batch, size, TrainingPosition(epoch=math.inf))
    for player in objective.players(state):
        if moved := player.parameters:
            loss = objective.loss(state, player.name, step).value
            for parameter, gradient in zip(moved, torch.autograd.grad(loss, moved, allow_unused=True), strict=True):
                if gradient is not None:
                    found[id(parameter)] = found.get(id(parameter), 0.0) + gradient.double()
    return found


def _moments(
    parameters: Sequence[nn.Parameter], mean: Mapping[int, Tensor], square: Mapping[int, Tensor], n: int
) -> GradientNoise:
    variance = sum(square[id(p)].sum().item() for p in parameters) / (n - 1)
    length = sum(mean[id(p)].square().sum().item() for p in parameters) - variance / n
    return GradientNoise(math.sqrt(max(0.0, length)), variance, n, sum(p.numel() for p in parameters))
