"""A guide q(z | x), declared in the same way as a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ppgen.declare.batch import Batch, batch_rows
from ppgen.declare.declared import Declared
from ppgen.declare.model import Model
from ppgen.declare.parameters import ProgramModule
from ppgen.declare.site import Site
from ppgen.errors import DeclarationError

__all__ = ["Guide", "ModelGuide"]


class Guide(Declared):
    """The base class of declared guides: one :func:`~ppgen.latent` method for each latent variable of the model.

    Parents may be the model's observed sites, covariates and other latents. A latent whose value is in the batch is
    observed there, and so is not drawn.

    Raises:
        DeclarationError: at the class statement, as for a :class:`Model`, and on a site that is not latent.

    Example:
        >>> import torch, pyro.distributions as dist
        >>> from ppgen.declare import Guide, latent
        >>> class Encoder(Guide):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.net = torch.nn.Linear(2, 2)
        ...     @latent
        ...     def z(self, x):
        ...         loc, raw = self.net(x).chunk(2, -1)
        ...         return dist.Normal(loc, raw.exp()).to_event(1)
        >>> Encoder()({"x": torch.zeros(5, 2)})["z"].shape
        torch.Size([5, 1])
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for site in cls.sites.values():
            if site.role != "latent":
                raise DeclarationError(
                    f"{cls.__name__}.{site.name}: a guide declares latent variables only",
                    expected="@ppgen.latent",
                    got=f"@ppgen.{site.role}",
                    fix="mark the method @ppgen.latent; observed values reach it as arguments",
                    code="M017",
                )

    def forward(self, batch: Batch | None = None, size: int | None = None) -> dict[str, Tensor]:
        """Draw every latent variable given a batch.

        Args:
            batch: tensors ``[rows, ...]`` by observed site, covariate and given latent.
            size: of the whole data set; default: the batch's rows.

        Returns:
            The value of every latent.
        """
        batch = {} if batch is None else batch
        rows = batch_rows(batch, size)
        drawn = self.run_sites(batch, rows if size is None else size, rows, dict(batch))
        return {name: drawn[name] for name in self.sites}

    def _is_given(self, site: Site, batch: Batch) -> bool:
        return site.name in batch

    def _draw(self, site: Site, fn: Any, batch: Batch, shape: tuple[int, ...]) -> Tensor:
        return self.draw_from(site, fn, None, shape)


class ModelGuide(ProgramModule):
    """The base of guides that belong to one declared model, and read from it what they answer about themselves.

    Args:
        model: the model, which is no submodule: its parameters are its own.
    """

    model: Model

    def __init__(self, model: Model) -> None:
        super().__init__()
        object.__setattr__(self, "model", model)

    @property
    def sites(self) -> Mapping[str, Site]:
        """The latent variables of the model."""
        return {name: site for name, site in self.model.sites.items() if site.role == "latent"}

    @property
    def covariates(self) -> tuple[str, ...]:
        """What is observed: the model's other sites, and its covariates."""
        observed = (name for name, site in self.model.sites.items() if site.role != "latent")
        return (*observed, *self.model.covariates)

    @property
    def plates(self) -> tuple[str, ...]:
        """The model's plates inside the data plate."""
        return self.model.plates
