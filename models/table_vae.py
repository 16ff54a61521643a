"""The variational autoencoder of a table: one site for every column, whatever its kind."""

from __future__ import annotations

__all__ = ["TableVAE"]

from collections.abc import Mapping
from typing import Any

import pyro.distributions as dist
import torch
from torch import nn

from ppgen import nets
from ppgen.declare import Model, Site, latent
from ppgen.errors import SettingError


class TableVAE(Model):
    """z ~ Normal(0, I);  column | z ~ likelihood(decoder(z)), each column with a likelihood and a decoder of its own.

    Columns are sites, so that each is scored, drawn and reconstructed in its own units, and the density is the joint
    one of a row. Unlike in other models, the sites are the instance's: the columns of its table.

    Reference: A. Nazabal et al., "Handling incomplete heterogeneous data using VAEs", 2020 (arXiv 1807.03653).

    Fit with: ``ppgen.guides.MeanField(model)``, ``ppgen.ELBO()``: the defaults.

    Args:
        likelihoods: by column, each for the shape of one value.
        latent_dim: size of z.
        hidden: widths of each column's decoder, the data's end first.

    Raises:
        SettingError: for a column that is called as the latent or the plate is.

    Example:
        >>> pets = {"age": nets.GaussianLikelihood(()), "kind": nets.CategoricalLikelihood((), levels=3)}
        >>> row = TableVAE(pets, latent_dim=2)(size=5)
        >>> row["age"].shape, row["kind"].dtype
        (torch.Size([5]), torch.int64)
    """

    def __init__(
        self, likelihoods: Mapping[str, nets.Likelihood], latent_dim: int = 8, hidden: tuple[int, ...] = (64, 64)
    ) -> None:
        super().__init__()
        if taken := [name for name in likelihoods if name in ("z", "data")]:
            raise SettingError(
                f"TableVAE: a column cannot be called {taken[0]!r}, which is the name of the latent or the plate",
                expected="other names of columns",
                got=", ".join(likelihoods),
                fix=f"rename the column {taken[0]}",
                code="S173",
            )
        # In the order of their names, whatever the order in which a file holds them.
        self.latent_dim, self.columns = latent_dim, tuple(sorted(likelihoods))
        chosen = [likelihoods[name] for name in self.columns]
        self.likelihoods = nn.ModuleList(chosen)
        self.decoders = nn.ModuleList(nets.decoder(latent_dim, each.shape, hidden) for each in chosen)
        columns = {name: Site(name, "observed", ("z",)) for name in self.columns}
        object.__setattr__(self, "sites", {**type(self).sites, **columns})  # past the guard of what a class declares

    @latent
    def z(self) -> dist.TorchDistribution:
        """What the columns of a row have in common."""
        return dist.Normal(torch.zeros(self.latent_dim), torch.ones(self.latent_dim)).to_event(1)

    def call_site(self, site: Site, batch: Mapping[str, torch.Tensor], values: Mapping[str, torch.Tensor]) -> Any:
        """A column's distribution, given z; of z, its prior.

        Args:
            site: a column, or z.
            batch: tensors ``[rows, ...]`` by column.
            values: of the sites before this one.
        """
        if site.name == "z":
            return super().call_site(site, batch, values)
        place = self.columns.index(site.name)
        return self.likelihoods[place](self.decoders[place](values["z"]))
