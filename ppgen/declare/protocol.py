"""What every model and guide answers, declared or hand-written, so that nobody has to guess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from ppgen.declare.site import Site

__all__ = ["PyroProgram"]


@runtime_checkable
class PyroProgram(Protocol):
    """A Pyro program as ppgen calls it, ``program(batch, size)``, and what it says of itself.

    :class:`Model`, :class:`Guide`, derived guides and both parts of a :class:`Program` are such. What is none is
    refused by name (:func:`ppgen.check`): no answer is taken for a "no".

    Example:
        >>> from ppgen.declare import PyroProgram
        >>> from ppgen.models import ConditionalVAE
        >>> model: PyroProgram = ConditionalVAE((1, 8, 8), num_classes=10)
        >>> list(model.sites), model.covariates, model.plates, model.is_implicit
        (['z', 'x'], ('y',), (), False)
    """

    @property
    def sites(self) -> Mapping[str, Site]:
        """Its random variables by name, in the order in which they are drawn.

        Those of a hand-written program are known once it has run (:meth:`ppgen.Program.setup`).
        """
        ...

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the batch's entries that it reads and that are none of its sites."""
        ...

    @property
    def plates(self) -> tuple[str, ...]:
        """Names of the plates inside the data plate, from the outermost to the innermost."""
        ...

    @property
    def is_implicit(self) -> bool:
        """Whether some site is a sampler without a likelihood."""
        ...

    @property
    def is_declared(self) -> bool:
        """Whether its sites are declared ahead of data, so that an entry of the batch with a site's name is its value.

        The batch of a hand-written program holds arguments, one of which may share its name with a latent variable.
        """
        ...

    def __call__(self, batch: Any = None, size: int | None = None, /) -> Any:
        """Run it on a batch, tensors ``[rows, ...]`` by site and covariate, of a data set of so many rows."""
        ...
