"""Completion: what is hidden of partly given data, drawn from p(hidden | given); ``fit.complete``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro
import torch
from torch import Tensor

from ppgen.by_site import BySite, answer_of
from ppgen.checked import checked
from ppgen.context import evaluating, seeded
from ppgen.declare import label_of
from ppgen.distributions import Autoregressive, progress_of_draws
from ppgen.errors import DataError, Unanswerable
from ppgen.fitted import Fit

__all__ = ["complete", "distribution_of"]


@checked
def complete(
    self: Fit,
    data: Any,
    mask: Any,
    *,
    site: str | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    progress: bool = False,
) -> BySite | Tensor:
    """Draw what is hidden of data from ``p(hidden | given)``, exactly: for models that are autoregressive.

    The given positions stay as they are and the hidden ones are drawn, one after the other. That is exact where every
    given position stands before every hidden one in the order of the model; other masks are refused, and the error says
    which order would serve.

    Args:
        data: what to complete, as :meth:`ppgen.Fit.log_prob` takes it; its hidden values are not looked at. Covariates
            come with it: ``{"x": x, "y": y}``. A row that stands in it several times is completed several times.
        mask: bool, true where a value is given: ``[*positions]`` for all data alike, or ``[N, 1, *positions]``.
        site: give the tensor of this site alone.
        temperature: of the draws; below 1 surer than the model is.
        seed: of the draws.
        progress: show a bar.

    Returns:
        [N, *event] by observed site, or the tensor of ``site``.

    Raises:
        Unanswerable: for a model that does not draw its one observed site position by position.
        DataError: for data or a mask that are not of the model.
        SettingError: for a mask against the order.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.GatedPixelCNN((1, 8, 8), 4, 1), "digits", max_epochs=1, progress=False)
        >>> upper = torch.arange(8).unsqueeze(1).expand(8, 8) < 4
        >>> fit.complete(fit.data.split("test")["x"][:5], upper)
        BySite(x: [5, 1, 8, 8] float32)
    """
    self._must_answer("sampling")
    name = _only_site(self)
    column = self.model.column_of(name)
    given = _as_mask(mask)
    batch = self._batch(_without_hidden(self, data, column, given))
    rows = len(batch[column])
    with seeded(seed, self.device), evaluating(self.model), progress_of_draws(progress):
        fn = _ordered(distribution_of(self.model, name, batch, rows), name, self.model)
        value = fn.tempered(temperature).complete(batch[column], given.to(self.device))
    return answer_of({name: value}, site)


def _only_site(fit: Fit) -> str:
    """The one site that is explained, in a model without latents."""
    latents = [name for name, site in fit.model.sites.items() if site.role == "latent"]
    if latents or len(fit.observed) != 1 or fit.model.is_implicit:
        raise Unanswerable(
            f"complete: {label_of(fit.model)} does not draw one observed site position by position",
            expected="one observed site, autoregressive, and no latents",
            got=f"latents {', '.join(latents)}" if latents else f"sites {', '.join(fit.observed)}",
            fix="an autoregressive model, ppgen.models.GatedPixelCNN; or ppgen.models.MaskedVAE: p(unseen | seen)",
            code="U044",
        )
    return fit.observed[0]


def distribution_of(model: Any, name: str, batch: Mapping[str, Tensor], rows: int) -> Any:
    """The distribution of a site, as a run of the model on a batch makes it.

    Args:
        model: a declared program.
        name: of the site.
        batch: columns by name, [rows, ...] each.
        rows: of the batch.
    """
    tracer = pyro.poutine.trace()
    with tracer:
        model(batch, rows)
    site: Any = tracer.trace.nodes[name]
    return site["fn"]


def _ordered(fn: Any, name: str, model: Any) -> Autoregressive:
    if not isinstance(fn, Autoregressive):
        raise Unanswerable(
            f"complete: {name} of {label_of(model)} is not drawn in one order, position by position",
            expected="an Autoregressive distribution",
            got=type(fn).__name__,
            fix="an autoregressive model of one order, such as ppgen.models.GatedPixelCNN",
            code="U045",
        )
    return fn


def _as_mask(mask: Any) -> Tensor:
    try:
        return torch.as_tensor(mask)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            "complete: the mask is no tensor",
            expected="a bool tensor or array, true where a value is given",
            got=f"{type(mask).__name__}: {error}",
            fix="mask = torch.ones(28, 28, dtype=torch.bool), and false where values are to be drawn",
            code="D099",
        ) from error


def _without_hidden(fit: Fit, data: Any, column: str, given: Tensor) -> Any:
    """The data with values of the training split where they are hidden: whatever stands there is not verified."""
    x = data.get(column) if isinstance(data, Mapping) else data
    if not isinstance(x, Tensor) or given.dtype != torch.bool:
        return data
    row = fit.data.representative_rows()[column][:1]
    if x.shape[1:] != row.shape[1:] or given.dim() > x.dim():
        return data
    try:
        filled = torch.where(given.to(x.device).expand(x.shape), x, row.to(x))
    except RuntimeError:  # the distribution says which shape it should have
        return data
    return {**data, column: filled} if isinstance(data, Mapping) else filled
