"""What objectives ask of models and of the draws of a guide; what does not have it is refused by name."""

from __future__ import annotations

from collections.abc import Mapping

from ppgen.declare import PyroProgram, name_of, support_name
from ppgen.errors import DeclarationError, SettingError
from ppgen.inference import PairedSite, PairedTrace
from ppgen.objectives.objective import Objective

__all__ = ["must_be_local", "must_be_pathwise", "must_be_plain", "must_have_spread", "refuse_points"]


def must_be_local(model: PyroProgram, objective: Objective) -> None:
    """Refuse a declared model with a global latent: importance weights belong to one datum each.

    Args:
        model: the model.
        objective: named in the message, as in those below.
    """
    for site in model.sites.values():
        if not site.local:
            raise SettingError(
                f"{objective.name}: {site.name!r} is a global latent, so that data points share one importance weight",
                expected="local latents only",
                fix="objective=ppgen.ELBO()",
                code="S093",
            )


def must_be_pathwise(draws: Mapping[str, PairedSite], objective: Objective) -> None:
    """Refuse a guide whose draws hide their parameters: its gradient would be silently wrong, not only noisy.

    Args:
        draws: of it, by site.
        objective: named in the message.
    """
    for draw in draws.values():
        if not draw.guide_fn.has_rsample:
            raise DeclarationError(
                f"{objective.name}: the guide draws {draw.name!r} from {name_of(draw.guide_fn)}, and no gradient "
                "passes it",
                expected="reparameterised distributions in the guide (Normal, LogNormal, Gamma, Dirichlet ...)",
                got=f"{name_of(draw.guide_fn)} over {support_name(draw.guide_fn.support)}",
                fix='objective=ppgen.ELBO(gradient="mixed", num_particles=8), or ppgen.WakeSleep()',
                code="M051",
            )


def must_be_plain(trace: PairedTrace, objective: Objective) -> None:
    """Refuse what this objective would drop in silence: the program's own scale, and a factor of its guide.

    Args:
        trace: a run of the pair.
        objective: named in the message.
    """
    if trace.is_weighted or trace.added:
        what = f"pyro.factor {next(iter(trace.added))!r} in the guide" if trace.added else "poutine.scale"
        raise SettingError(
            f"{objective.name}: it has no place for {what}",
            expected="a pair without scale of its own, and without factors in the guide",
            got=what,
            fix="objective=ppgen.ELBO(), which trains such a term as Pyro does",
            code="S140",
        )


def must_have_spread(trace: PairedTrace, objective: Objective) -> None:
    """Refuse a guide that is a point: it has no density to weigh draws by, and no rate.

    Args:
        trace: a run of it.
        objective: named in the message.
    """
    if trace.is_point:
        refuse_points(trace.latents, objective)


def refuse_points(draws: Mapping[str, PairedSite], objective: Objective) -> None:
    """Refuse draws of a guide of which one is a point.

    Args:
        draws: by site.
        objective: named in the message.
    """
    if points := [name for name, draw in draws.items() if draw.is_delta]:
        raise SettingError(
            f"{objective.name}: the guide is a point, which has no density",
            expected="a guide with spread",
            got=", ".join(f"{name}: Delta" for name in points),
            fix="guide=ppgen.guides.MeanField(model), or objective=ppgen.ELBO()",
            code="S094",
        )
