"""What an objective may need of the draws of a pair, refused by name where it is missing."""

from __future__ import annotations

from ppgen.declare.supports import name_of, support_name
from ppgen.errors import DeclarationError, SettingError
from ppgen.objectives.pairing import Pairing

__all__ = ["must_be_pathwise", "must_have_spread"]


def must_be_pathwise(pairing: Pairing, objective: str) -> None:
    """Refuse a guide whose draws hide their parameters: its gradient would be silently wrong, not only noisy."""
    for draw in pairing.latents.values():
        if not draw.guide_fn.has_rsample:
            raise DeclarationError(
                f"{objective}: the guide draws {draw.name!r} from {name_of(draw.guide_fn)}, and no gradient passes it",
                expected="reparameterised distributions in the guide (Normal, LogNormal, Gamma, Dirichlet ...)",
                got=f"{name_of(draw.guide_fn)} over {support_name(draw.guide_fn.support)}",
                fix='objective=ppgen.ELBO(gradient="score", num_particles=8), or ppgen.WakeSleep()',
            )


def must_have_spread(pairing: Pairing, objective: str) -> None:
    """Refuse a guide that is a point: it has no density to weigh draws by, and no rate."""
    if pairing.is_point:
        raise SettingError(
            f"{objective}: the guide is a point, which has no density",
            expected="a guide with spread",
            got=", ".join(f"{name}: Delta" for name, draw in pairing.latents.items() if draw.is_delta),
            fix="guide=ppgen.guides.MeanField(model), or objective=ppgen.ELBO()",
        )
