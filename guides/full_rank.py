"""The full-rank guide: one Gaussian over all latents of a datum, with every covariance."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ppgen.errors import DeclarationError
from ppgen.guides.derived import DerivedGuide, Latent
from ppgen.guides.frames import Frame
from ppgen.guides.networks import beside, lower_triangle, positive, with_covariance

__all__ = ["FullRank"]


class FullRank(DerivedGuide):
    """``q(z | x) = Normal(mu(x), L(x) L(x)^T)`` jointly over all local latents, in free coordinates.

    The joint Gaussian is drawn site by site, as the chain ``q(z_1 | x) q(z_2 | z_1, x) ...`` that its Cholesky factor
    spells out: block row i gives ``u_i = mu_i + sum_{j<i} L_ij eps_j + L_ii eps_i``, and the noise ``eps_j`` is read
    back from the value of ``z_j``. So each site is an ordinary Gaussian conditional, with a closed-form rate where
    the prior has one, and no auxiliary site is needed. Global latents are full-rank among themselves.

    The heads give ``L = diag(s) B`` with a positive ``s`` and a unit lower-triangular ``B``: as the posterior narrows,
    one number takes a whole row along, and training stays stable where free entries of ``L`` make it diverge.

    It is what ``ppgen.fit`` derives where no guide is given, and all continuous latents are global and few.

    Args:
        model: the declared model.
        encoder: a network of the user's: x [batch, ...] -> features [batch, F].
        width: features of the default encoder.

    Raises:
        DeclarationError: if a latent stands in a further plate inside the data plate.
    """

    def num_outputs(self, latent: Latent, before: list[Latent]) -> int:
        if latent.site.plates:
            raise DeclarationError(
                f"FullRank: latent variable {latent.name!r} stands in plate {latent.site.plates[0]!r}",
                expected="latents with one value per datum",
                got=f"{latent.plate_shape} values per datum",
                fix="guide=ppgen.guides.Structured(model), or give the site an event dimension instead of a plate",
                code="M063",
            )
        n = latent.num_free
        return n + n * (n + 1) // 2 + n * sum(b.num_free for b in before)

    def frame(self, latent: Latent, before: list[Latent]) -> Frame:
        return Frame(latent.num_free, None if latent.site.local else sum(b.num_free for b in before))

    def settle(self, mode: Tensor, precision: Tensor) -> None:
        tril = torch.linalg.cholesky(torch.linalg.inv(precision))
        first = 0
        for latent in self.shared:
            last = first + latent.num_free
            self.begin_correlated(latent, mode[first:last], tril[first:last, :last])
            first = last

    def distribution(self, latent: Latent, output: Tensor, memory: dict[str, Any]) -> Any:
        n, lead = latent.num_free, output.shape[:-1]
        loc, diagonal, below, across = output.split(
            [n, n, n * (n - 1) // 2, output.shape[-1] - 2 * n - n * (n - 1) // 2], -1
        )
        if latent.site.local:
            loc, scale = self.placed(latent, loc, positive(diagonal))
        else:
            frame: Any = self.frames[latent.name]
            earlier = memory.get(_LOCATIONS)
            memory[_LOCATIONS] = loc if earlier is None else torch.cat([earlier, loc])
            loc, scale = frame(loc, earlier), frame.scale * positive(diagonal)
        noise = memory.get(_noise_key(latent))
        if noise is not None:
            loc = loc + scale * (across.reshape(*lead, n, -1) @ noise.unsqueeze(-1)).squeeze(-1)
        tril = lower_triangle(scale, below)
        memory[latent.name] = (loc, tril)
        return latent.constrain(with_covariance(loc, tril, latent.unconstrained_shape))

    def remember(self, latent: Latent, value: Tensor, memory: dict[str, Any]) -> None:
        loc, tril = memory[latent.name]
        free = latent.unconstrain(value)
        flat = free.reshape(*free.shape[: free.dim() - len(latent.unconstrained_shape)], latent.num_free)
        noise = torch.linalg.solve_triangular(tril, (flat - loc).unsqueeze(-1), upper=False).squeeze(-1)
        earlier = memory.get(_noise_key(latent))
        memory[_noise_key(latent)] = noise if earlier is None else beside(earlier, [noise])


_LOCATIONS = "locations of global latents, as they are learned"


def _noise_key(latent: Latent) -> str:
    return f"noise of {'local' if latent.site.local else 'global'} latents"
