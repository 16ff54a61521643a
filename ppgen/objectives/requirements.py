"""What an objective may need of its settings, a model or the draws of a pair, refused by name where it is missing."""

from __future__ import annotations

from typing import Any

from ppgen.declare.protocol import PyroProgram
from ppgen.declare.supports import name_of, support_name
from ppgen.errors import DeclarationError, SettingError
from ppgen.inference.paired_trace import PairedTrace

__all__ = ["must_be_count", "must_be_local", "must_be_pathwise", "must_have_spread"]


def must_be_count(value: Any, objective: str, suggested: int) -> None:
    """Refuse a number of particles that is no whole number, or below 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingError(
            f"{objective}: num_particles is out of range",
            expected="a whole number >= 1",
            got=repr(value),
            fix=f"num_particles={suggested}",
        )


def must_be_local(model: PyroProgram, objective: str) -> None:
    """Refuse a declared model with a global latent: importance weights belong to one datum each."""
    for site in getattr(model, "sites", {}).values():
        if not site.local:
            raise SettingError(
                f"{objective}: {site.name!r} is a global latent, so that data points share one importance weight",
                expected="local latents only",
                fix="objective=ppgen.ELBO()",
            )


def must_be_pathwise(trace: PairedTrace, objective: str) -> None:
    """Refuse a guide whose draws hide their parameters: its gradient would be silently wrong, not only noisy."""
    for draw in trace.latents.values():
        if not draw.guide_fn.has_rsample:
            raise DeclarationError(
                f"{objective}: the guide draws {draw.name!r} from {name_of(draw.guide_fn)}, and no gradient passes it",
                expected="reparameterised distributions in the guide (Normal, LogNormal, Gamma, Dirichlet ...)",
                got=f"{name_of(draw.guide_fn)} over {support_name(draw.guide_fn.support)}",
                fix='objective=ppgen.ELBO(gradient="score", num_particles=8), or ppgen.WakeSleep()',
            )


def must_have_spread(trace: PairedTrace, objective: str) -> None:
    """Refuse a guide that is a point: it has no density to weigh draws by, and no rate."""
    if trace.is_point:
        raise SettingError(
            f"{objective}: the guide is a point, which has no density",
            expected="a guide with spread",
            got=", ".join(f"{name}: Delta" for name, draw in trace.latents.items() if draw.is_delta),
            fix="guide=ppgen.guides.MeanField(model), or objective=ppgen.ELBO()",
        )
