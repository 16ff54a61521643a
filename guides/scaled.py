"""The part of a derived guide that knows the units of its data: of what its encoder reads, and of drawn latents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import torch
from torch import Tensor

from ppgen.data import Dataset
from ppgen.data.scales import column_scales
from ppgen.declare import Model
from ppgen.guides.coordinates import Latent
from ppgen.guides.evidence import EncoderInput
from ppgen.guides.started import Init, StartedGuide

__all__ = ["ScaledGuide"]


class ScaledGuide(StartedGuide):
    """A guide whose encoder reads numbers standardised, and whose local latents are learned in units of their draws.

    Args:
        model: the declared model.
        init: as of :class:`~ppgen.guides.DerivedGuide`.
        restarts: likewise.
    """

    def __init__(self, model: Model, init: Init = None, restarts: int | None = None) -> None:
        super().__init__(model, init, restarts)
        self.evidence: EncoderInput | None = None
        self.classes: set[str] = set()
        self.knows_data = False

    def standardise(self, data: Dataset, *, draws: bool = False) -> None:
        """Let the default encoder read real numbers and counts as the training split has them; ``ppgen.fit`` calls it.

        Real values are read as ``(x - mean) / spread``, counts as ``log(1 + n)`` standardised likewise, classes by an
        embedding, and images and bits as they are. The first data set decides. A guide that never saw one, such as one
        that Pyro's own ``SVI`` trains, reads numbers as they are.

        Args:
            data: that the guide is to be trained on.
            draws: whether they are draws of the model: latents are then learned in units of theirs, and numbers that
                are never negative and reach over orders of magnitude are read by their logarithms.
        """
        if self.evidence is not None and not self.evidence.knows_scales:
            read = [name for name in self.evidence.names if name not in self.classes - data.kinds.keys()]
            with torch.random.fork_rng(devices=[]):
                self.evidence.standardise(column_scales(data, read, logarithms=draws))
        if draws and not self.knows_data:
            self.begin_at_draws(data.split("train"))
        self.knows_data = True

    def expect_scales(self, saved: Collection[str]) -> None:
        """Make room for the scales of data and latents that were saved with a guide's weights, if there were any.

        Args:
            saved: names of its parameters and buffers in the file.
        """
        if self.evidence is not None:
            inside = "evidence."
            self.evidence.expect_scales({name.removeprefix(inside) for name in saved if name.startswith(inside)})
        self.knows_data = True
        self.frame_latents(latent for latent in self.latents if f"frames.{latent.name}.unit" in saved)

    def frame_latents(self, latents: Iterable[Latent]) -> None:
        """Frames, at the identity as yet, for those of the latents that have none.

        Args:
            latents: continuous.
        """
        for latent in latents:
            if latent.name not in self.frames:
                like = next(self.parameters())
                self.frames[latent.name] = self.frame(latent, []).to(like.device, like.dtype)

    def begin_at_draws(self, draws: Mapping[str, Tensor]) -> None:
        """Learn local latents in units of draws of theirs, so that the guide begins near the Gaussian they make.

        Args:
            draws: of their prior, [N, *plates, *event] each, by latent.
        """
        drawn = [one for one in self.latents if one.site.local and not one.is_discrete and one.name in draws]
        self.frame_latents(drawn)
        for latent in drawn:
            free = latent.features(draws[latent.name].double()).reshape(-1, latent.num_free)
            spread = free.std(0)
            self.begin(latent, free.mean(0), torch.where(spread > 0, spread, 1.0))
