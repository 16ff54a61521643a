"""Vector quantisation: codes by the nearest vector, straight-through gradients, and a codebook of moving averages."""

from __future__ import annotations

__all__ = ["CodeAverages", "VectorQuantization"]

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen import nets
from ppgen.arguments import finite_number
from ppgen.declare import PyroProgram, label_of
from ppgen.errors import SettingError
from ppgen.guides import NearestCode
from ppgen.inference import elbo_parts
from ppgen.objectives.elbo import ELBO
from ppgen.objectives.objective import Loss, Objective, State, Step

USE_DECAY = 0.99  # of the average use of a codebook that is moved by gradients


class CodeAverages(nn.Module):
    """How often each code is used, and the sum of what the encoder gave where it was: moving averages over steps.

    ``n_k <- decay n_k + (1 - decay) share_k;  m_k <- decay m_k + (1 - decay) sum_{i: code_i = k} h_i / num_places``,
    and ``m_k / n_k`` is the vector of code k. A code that is used less than ``revive`` times as often as if all were
    used equally is dead: its vector is the output at a random place of the last batch, another one after each step
    until it is used again. All are dead at first, so that a codebook begins as outputs of the first batch.

    Reference: A. van den Oord, O. Vinyals and K. Kavukcuoglu, "Neural discrete representation learning", 2017
    (arXiv 1711.00937), appendix A.1; P. Dhariwal et al., "Jukebox", 2020 (arXiv 2005.00341), for random restarts.

    Args:
        codebook: whose averages they will be.
    """

    uses: Tensor
    sums: Tensor
    places: Tensor

    def __init__(self, codebook: nets.Codebook) -> None:
        super().__init__()
        vectors = codebook.vectors.detach()
        self.register_buffer("uses", torch.zeros_like(vectors[:, 0]))
        self.register_buffer("sums", torch.zeros_like(vectors))
        self.register_buffer("places", vectors.clone())

    @torch.no_grad()
    def update(self, outputs: Tensor, codes: Tensor, shares: Tensor, decay: float) -> None:
        """Take a batch in.

        Args:
            outputs: of the encoder, ``[batch, code_dim, height, width]``.
            codes: ``[batch, height, width]``.
            shares: how often each of them occurs, ``[num_codes]``.
            decay: of the averages.
        """
        places = outputs.movedim(-3, -1).flatten(0, -2)
        sums = torch.zeros_like(self.sums).index_add(0, codes.flatten(), places) / len(places)
        self.uses.lerp_(shares, 1.0 - decay)
        self.sums.lerp_(sums, 1.0 - decay)
        self.places.copy_(places[torch.randint(len(places), self.uses.shape, device=places.device)])

    @torch.no_grad()
    def move(self, codebook: nets.Codebook, revive: float, *, only_dead: bool) -> None:
        """Set the vectors of a codebook to the averages, and those of dead codes to outputs.

        Args:
            codebook: that is moved.
            revive: share of equal use below which a code is dead.
            only_dead: leave the vectors of all others as they are.
        """
        dead = (self.uses < revive / len(self.uses))[:, None]
        alive = codebook.vectors if only_dead else self.sums / self.uses[:, None]
        codebook.vectors.copy_(torch.where(dead, self.places, alive))


@dataclasses.dataclass(frozen=True)
class VectorQuantization(Objective):
    """Train a model over a codebook with the guide that chooses the nearest vectors (VQ-VAE).

    ``loss = -log p(x | z) - log p(z) + commitment * sum_i |h_i - z_i|^2``, in nats per datum, with h the outputs of the
    encoder and z the nearest vectors. Gradients of the first term reach the decoder, and past the choice, unchanged,
    the encoder; those of the second the prior alone; those of the third the encoder alone. The vectors themselves
    follow the outputs that chose them: as moving averages over steps, as of online k-means, or without a ``decay``
    by the gradient of a further term ``sum_i |h_i - z_i|^2``. Codes that nobody chooses are set to outputs.

    The record holds the bound with its parts (``distortion``, and the nats of the code as the rate), ``commitment``,
    the mean over data of ``sum_i |h_i - z_i|^2``; ``perplexity`` and ``usage``, of the codes of a batch: the
    exponential of their entropy, and the share of codes that occur.

    Reference: A. van den Oord, O. Vinyals and K. Kavukcuoglu, "Neural discrete representation learning", 2017
    (arXiv 1711.00937).

    Args:
        commitment: what it costs an output to lie far from its vector, at least 0.
        decay: of the moving averages, below 1; ``None`` to move the codebook by gradients.
        revive: a code is dead that is used less often than this share of equal use.

    Raises:
        SettingError: on a setting out of range; by :meth:`check`, on another guide than
            :class:`~ppgen.guides.NearestCode`.

    Example:
        >>> VectorQuantization(decay=None).name
        'VectorQuantization(decay=None)'
    """

    commitment: float = 0.25
    _: dataclasses.KW_ONLY
    decay: float | None = 0.99
    revive: float = 0.1

    def __post_init__(self) -> None:
        finite_number("VectorQuantization: commitment", self.commitment, at_least=0, suggested=0.25)
        finite_number("VectorQuantization: revive", self.revive, above=0, suggested=0.1)
        if self.decay is not None:
            finite_number("VectorQuantization: decay", self.decay, at_least=0, below=1, suggested=0.99)

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        ELBO().check(model, guide)
        if not isinstance(guide, NearestCode):
            raise SettingError(
                "VectorQuantization: the guide chooses no nearest vectors",
                expected="ppgen.guides.NearestCode",
                got=label_of(guide),
                fix="guide=ppgen.guides.NearestCode(ppgen.nets.GridEncoder(x_shape, code_dim), model.codebook)",
            )

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        """The pair, and the averages of its codebook.

        Args:
            model: the model.
            guide: the guide.
            batch: a few rows by site and covariate, [rows, ...] each.
        """
        self.check(model, guide)
        return State(model, guide, {"averages": CodeAverages(guide.codebook)})

    def loss(self, state: State, player: str, step: Step) -> Loss:
        codebook: nets.Codebook = step.guide.codebook
        averages: Any = state.networks["averages"]
        if is_training := torch.is_grad_enabled():
            averages.move(codebook, self.revive, only_dead=self.decay is None)
        parts = elbo_parts(step.model, step.guide, step.batch, step.size)
        (latent,) = parts.trace.latents.values()
        outputs, codes = latent.guide_fn.outputs, latent.guide_fn.codes
        vectors = codebook.vectors_at(codes)
        distance = _squared(outputs - vectors.detach())
        value = parts.distortion + parts.rate + self.commitment * distance
        if self.decay is None:
            value = value + _squared(outputs.detach() - vectors)
        shares = codebook.shares(codes)
        if is_training:
            averages.update(outputs, codes, shares, USE_DECAY if self.decay is None else self.decay)
        record = {"commitment": distance.detach(), "perplexity": codebook.perplexity(codes)}
        return Loss(value, parts.record() | record | {"usage": (shares > 0).to(shares.dtype).mean()})


def _squared(difference: Tensor) -> Tensor:
    """The mean over data of the sum of squares, []; difference ``[batch, code_dim, height, width]``."""
    return difference.square().flatten(1).sum(1).mean()
