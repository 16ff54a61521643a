"""Tensors by site: what a fit answers where a model may have one variable or several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ppgen.checked import checked
from ppgen.errors import SettingError

__all__ = ["BySite", "answer_of"]


class BySite(dict[str, Tensor]):
    """A dictionary from the name of a site to its tensor, [N, *event] each.

    The type is the same for every model, so that code which reads an answer does not break when a model grows a
    second latent. :attr:`only` is for models with one.

    Example:
        >>> import torch
        >>> codes = BySite(z=torch.zeros(5, 2))
        >>> codes
        BySite(z: [5, 2] float32)
        >>> codes["z"] is codes.only
        True
    """

    @property
    def only(self) -> Tensor:
        """The one tensor.

        Raises:
            SettingError: if there are several sites, or none.
        """
        if len(self) != 1:
            raise SettingError(
                f"only: there are {len(self)} sites" if self else "only: there is no site",
                expected="one site",
                got=", ".join(self) or "none",
                fix=f'take one by its name: ["{next(iter(self))}"]' if self else "ask the fit something else",
                code="S003",
            )
        return next(iter(self.values()))

    @checked
    def at(self, site: str) -> Tensor:
        """The tensor of one site.

        Args:
            site: its name.

        Raises:
            SettingError: listing the names, if this is none of them.
        """
        if site not in self:
            raise SettingError(
                f"there is no site {site!r} in this answer",
                expected=" or ".join(map(repr, self)) or "no site at all",
                got=repr(site),
                fix=f"site={next(iter(self))!r}" if self else "leave site out",
                code="S004",
            )
        return self[site]

    def __repr__(self) -> str:
        facts = [f"{name}: {list(x.shape)} {str(x.dtype).removeprefix('torch.')}" for name, x in self.items()]
        return f"BySite({', '.join(facts)})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say how to reach the tensor, to those who expect one."""
            raise AttributeError(
                f"BySite has no attribute {name!r}: it holds tensors by site ({', '.join(self)}); take one by its name "
                f"or, where there is one alone, by .only",
                name=name,
                obj=self,
            )


def answer_of(values: Mapping[str, Tensor], site: str | None) -> BySite | Tensor:
    """Tensors on the CPU, all by site or that of one.

    Args:
        values: by site.
        site: of the one, or ``None``.

    Raises:
        SettingError: listing the names, if this is none of them.
    """
    answer = BySite({name: value.cpu() for name, value in values.items()})
    return answer if site is None else answer.at(site)
