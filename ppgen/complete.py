"""Completion: what is hidden of partly given data, drawn from p(hidden | given); ``fit.complete``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.by_site import BySite, answer_of
from ppgen.checked import checked
from ppgen.context import evaluating, seeded
from ppgen.declare import label_of
from ppgen.distributions import Autoregressive, progress_of_draws
from ppgen.errors import DataError, Unanswerable
from ppgen.fitted import Fit
from ppgen.inference import distribution_of, draw_hidden, needs_reference

__all__ = ["complete"]


@checked
def complete(
    self: Fit,
    data: Any,
    mask: Any,
    *,
    site: str | None = None,
    temperature: float = 1.0,
    num_steps: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> BySite | Tensor:
    """Draw what is hidden of data from ``p(hidden | given)``.

    Autoregressive models draw the hidden positions one after the other, and the given ones stay as they are. That is
    exact where every given position stands before every hidden one in the order of the model; other masks are refused,
    and the error says which order would serve.

    Models with latents draw by a Markov chain, whose steps are offered by the guide and taken or not by Metropolis'
    rule, so that the guide decides how soon the chain has come to ``p(hidden | given)``, and not where it comes to
    (:func:`ppgen.inference.draw_hidden`). Any mask serves where the likelihood is of independent values.

    Args:
        data: what to complete, as :meth:`ppgen.Fit.log_prob` takes it; its hidden values are not looked at. Covariates
            come with it: ``{"x": x, "y": y}``. A row that stands in it several times is completed several times.
        mask: bool, true where a value is given: ``[*positions]`` for all data alike, or ``[N, 1, *positions]``.
        site: give the tensor of this site alone.
        temperature: of the draws of autoregressive values; below 1 surer than the model is.
        num_steps: of the chain of a model with latents; default: 200, and 20 where each draws position by position.
        seed: of the draws.
        progress: show a bar.

    Returns:
        [N, *event] by observed site, or the tensor of ``site``.

    Raises:
        Unanswerable: for a model that neither draws its one observed site position by position nor has latents for each
            row with a guide that draws them.
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
    given, guide = given.to(self.device), self.guide
    if guide is not None:
        num_steps = None if num_steps is None else whole_number("num_steps", num_steps, suggested=200)
        with seeded(seed, self.device), evaluating(self.model, guide), torch.no_grad():
            value = draw_hidden(self.model, guide, batch, name, given, num_steps, temperature, progress)
        return answer_of({name: value}, site)
    with seeded(seed, self.device), evaluating(self.model), progress_of_draws(progress):
        fn = _ordered(distribution_of(self.model, name, batch, {}), name, self.model)
        value = fn.tempered(temperature).complete(batch[column], given)
    return answer_of({name: value}, site)


def _only_site(fit: Fit) -> str:
    """The one site that is explained, of a model with a density."""
    latents = [name for name, site in fit.model.sites.items() if site.role == "latent"]
    hard = fit.guide is not None and needs_reference(fit.model, fit.guide)
    if (latents and fit.guide is None) or len(fit.observed) != 1 or fit.model.is_implicit or hard:
        raise Unanswerable(
            f"complete: {label_of(fit.model)} has no p(hidden | given) of one observed site to draw from",
            expected="one observed site with a density: autoregressive, or with latents and a guide that draws them",
            got=f"latents {', '.join(latents)}" if latents else f"sites {', '.join(fit.observed)}",
            fix="an autoregressive model, ppgen.models.GatedPixelCNN; or a latent-variable one, ppgen.models.VAE",
            code="U044",
        )
    return fit.observed[0]


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
