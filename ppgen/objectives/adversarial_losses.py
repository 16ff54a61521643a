"""What critic and generator minimise: one class a game, from the critic's scores to both losses."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

__all__ = ["LOSSES", "AdversarialLoss", "Hinge", "LeastSquares", "Minimax", "NonSaturating", "Wasserstein"]


class AdversarialLoss(ABC):
    """The losses of both players, from scores of any shape: one an event, or one a patch of an image.

    ``p`` is the density of data and ``q`` that of draws. Each game's critic, left to itself, ends at an optimum that is
    known, and there its loss is an affine function of a divergence between p and q: that is what is estimated along
    training, by the critic as it is, and so from below but for the noise of the batch and for what it learned by heart.

    ``divergence_name`` names it in the record. ``critic_steps``, ``gradient_penalty`` and ``betas`` (Adam's, of both
    players) are what a game is played with where nothing else is asked for; ``needs_lipschitz`` tells that it has a
    solution only among critics of bounded slope.
    """

    divergence_name: ClassVar[str]
    critic_steps: ClassVar[int] = 1
    gradient_penalty: ClassVar[float] = 0.0
    # Adam's usual memory of 0.9 chases where the other player was; 0.5 is from A. Radford et al., 2016 (DCGAN).
    betas: ClassVar[tuple[float, float]] = (0.5, 0.999)
    needs_lipschitz: ClassVar[bool] = False

    def critic(self, on_real: Tensor, on_fake: Tensor) -> Tensor:
        """The critic's loss, [].

        Args:
            on_real: its scores of data, [...].
            on_fake: its scores of draws, [...].
        """
        return self.of_data(on_real).mean() + self.of_draws(on_fake).mean()

    @abstractmethod
    def of_data(self, scores: Tensor) -> Tensor:
        """What each score of data costs the critic, [...] as they.

        Args:
            scores: of data, [...].
        """

    @abstractmethod
    def of_draws(self, scores: Tensor) -> Tensor:
        """What each score of draws costs the critic, [...] as they.

        Args:
            scores: of draws, [...].
        """

    @abstractmethod
    def generator(self, on_fake: Tensor) -> Tensor:
        """The generator's loss, [].

        Args:
            on_fake: the critic's scores of draws, [...].
        """

    @abstractmethod
    def divergence(self, critic_loss: Tensor) -> Tensor:
        """The divergence that an optimal critic of this loss has found, [].

        Args:
            critic_loss: without penalties, [].
        """

    def verdict(self, scores: Tensor) -> Tensor:
        """What the critic says of events: by default its scores themselves, [...] as they.

        Args:
            scores: of the critic, [...].
        """
        return scores

    def boundary(self, on_real: Tensor, on_fake: Tensor) -> Tensor | float:
        """The score above which an event is taken for data; by default 0.

        Args:
            on_real: scores of data, [...].
            on_fake: scores of draws, [...].
        """
        return 0.0


class _CrossEntropy(AdversarialLoss):
    """The critic is a classifier whose scores are logits: ``-E_p log D - E_q log(1 - D)`` with ``D = sigmoid(score)``.

    Its optimum is ``D = p / (p + q)``, and there its loss is ``log 4 - 2 JS(p, q)``.
    """

    divergence_name = "jensen_shannon"

    def of_data(self, scores: Tensor) -> Tensor:
        """``-log D``; with what draws cost, ``log 4`` when all is lost."""
        return functional.softplus(-scores)

    def of_draws(self, scores: Tensor) -> Tensor:
        """``-log(1 - D)``."""
        return functional.softplus(scores)

    def divergence(self, critic_loss: Tensor) -> Tensor:
        """The Jensen-Shannon divergence in nats: 0 for p = q, ``log 2`` where they never meet."""
        return (math.log(4.0) - critic_loss) / 2

    def verdict(self, scores: Tensor) -> Tensor:
        """Probabilities of being data."""
        return scores.sigmoid()


class Minimax(_CrossEntropy):
    """The game as it was first stated: both players have one value, ``V = E_p log D + E_q log(1 - D)``.

    The critic climbs it and the generator descends; where both play best, ``V = -log 4``. While the critic is winning,
    the generator's gradient vanishes.

    Reference: I. Goodfellow et al., "Generative adversarial nets", 2014 (arXiv 1406.2661), equation 1.
    """

    def generator(self, on_fake: Tensor) -> Tensor:
        """The part of V that the generator has a say in: ``E_q log(1 - D)``."""
        return -functional.softplus(on_fake).mean()


class NonSaturating(_CrossEntropy):
    """The generator maximises the probability that its draws are taken for data.

    ``critic: -E log sigmoid(c(x)) - E log(1 - sigmoid(c(G(z))));  generator: -E log sigmoid(c(G(z)))``

    The generator's loss has the same fixed point as the minimax game, but its gradient does not vanish while the critic
    is still winning.

    Reference: I. Goodfellow et al., "Generative adversarial nets", 2014 (arXiv 1406.2661), section 3.
    """

    def generator(self, on_fake: Tensor) -> Tensor:
        """Binary cross-entropy of draws labelled as data; ``log 2`` when the critic cannot tell."""
        return functional.softplus(-on_fake).mean()


class LeastSquares(AdversarialLoss):
    """Scores are fitted to 1 for data and to 0 for draws: ``E_p (c - 1)^2 / 2 + E_q c^2 / 2``.

    The optimum is ``c = p / (p + q)``, and there the loss is 1/4 less an eighth of the triangular discrimination
    ``integral (p - q)^2 / (p + q)``. A draw that the critic is sure of still feels how far it is from the data.

    Reference: X. Mao et al., "Least squares generative adversarial networks", 2017 (arXiv 1611.04076), equation 9.
    """

    divergence_name = "triangular_discrimination"

    def of_data(self, scores: Tensor) -> Tensor:
        """Half the squared error of the label 1; with what draws cost, 1/4 when all is lost."""
        return (scores - 1).square() / 2

    def of_draws(self, scores: Tensor) -> Tensor:
        """Half the squared error of the label 0."""
        return scores.square() / 2

    def generator(self, on_fake: Tensor) -> Tensor:
        """Half the squared error of draws labelled as data; 1/8 when the critic cannot tell."""
        return (on_fake - 1).square().mean() / 2

    def divergence(self, critic_loss: Tensor) -> Tensor:
        """The triangular discrimination: 0 for p = q, 2 where they never meet."""
        return 2 - 8 * critic_loss

    def boundary(self, on_real: Tensor, on_fake: Tensor) -> Tensor | float:
        """Half way between the labels."""
        return 0.5


class Hinge(AdversarialLoss):
    """Only scores within the margin are pushed on: ``E_p max(0, 1 - c) + E_q max(0, 1 + c)``.

    The optimum is ``c = sign(p - q)``, and there the loss is ``2 - 2 TV(p, q)``, of the total variation.

    Reference: J. H. Lim and J. C. Ye, "Geometric GAN", 2017 (arXiv 1705.02894), as used by T. Miyato et al., "Spectral
    normalization for generative adversarial networks", 2018 (arXiv 1802.05957).
    """

    divergence_name = "total_variation"

    def of_data(self, scores: Tensor) -> Tensor:
        """How far scores are below 1; with what draws cost, 2 when all is lost."""
        return functional.relu(1 - scores)

    def of_draws(self, scores: Tensor) -> Tensor:
        """How far scores are above -1."""
        return functional.relu(1 + scores)

    def generator(self, on_fake: Tensor) -> Tensor:
        """Minus the score of draws."""
        return -on_fake.mean()

    def divergence(self, critic_loss: Tensor) -> Tensor:
        """The total variation: 0 for p = q, 1 where they never meet."""
        return 1 - critic_loss / 2


class Wasserstein(AdversarialLoss):
    """The critic is a function of slope at most 1, and its gap ``E_p c - E_q c`` is as wide as it can make it.

    The widest gap is the Wasserstein-1 distance. The slope is held by a gradient penalty of weight 10, which is on by
    default, with five steps of the critic for one of the generator, and no momentum; or by spectral norms.

    Reference: I. Gulrajani et al., "Improved training of Wasserstein GANs", 2017 (arXiv 1704.00028), algorithm 1.
    """

    divergence_name = "wasserstein_1"
    critic_steps = 5
    gradient_penalty = 10.0
    betas = (0.0, 0.9)
    needs_lipschitz = True

    def of_data(self, scores: Tensor) -> Tensor:
        """Minus the scores; with what draws cost, minus the gap between the means."""
        return -scores

    def of_draws(self, scores: Tensor) -> Tensor:
        """The scores."""
        return scores

    def generator(self, on_fake: Tensor) -> Tensor:
        """Minus the score of draws."""
        return -on_fake.mean()

    def divergence(self, critic_loss: Tensor) -> Tensor:
        """The Wasserstein-1 distance, in units of the data."""
        return -critic_loss

    def boundary(self, on_real: Tensor, on_fake: Tensor) -> Tensor | float:
        """Half way between the mean scores: a constant added to all of them means nothing."""
        return (on_real.mean() + on_fake.mean()) / 2


LOSSES: Mapping[str, AdversarialLoss] = {
    "nonsaturating": NonSaturating(),
    "minimax": Minimax(),
    "least-squares": LeastSquares(),
    "hinge": Hinge(),
    "wasserstein": Wasserstein(),
}
"""A further loss is a class here, and an entry."""
