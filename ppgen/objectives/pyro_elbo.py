"""Pyro's own ELBO as an objective: what trains programs that only Pyro's estimators know."""

from __future__ import annotations

import dataclasses

from ppgen.arguments import whole_number
from ppgen.declare import ProgramPart, PyroProgram, label_of
from ppgen.errors import SettingError
from ppgen.inference import reference_bound
from ppgen.objectives.objective import Loss, Objective, State, Step

__all__ = ["PyroELBO"]


@dataclasses.dataclass(frozen=True)
class PyroELBO(Objective):
    """Maximise the ELBO by Pyro's ``TraceEnum_ELBO`` where a program sums latents out, else by its ``Trace_ELBO``.

    ``ppgen.fit`` chooses it where nothing else is right: for latents with ``infer={"enumerate": "parallel"}``, and for
    programs that are taken whole, at full batch. The loss of the latter is in nats of the data set, as in Pyro's
    ``SVI``; of all others in nats per datum.

    Args:
        num_particles: draws of the guide that each loss averages over.

    Raises:
        SettingError: for a declared model, which ``ppgen.ELBO()`` trains.

    Example:
        >>> PyroELBO(num_particles=4).name
        'PyroELBO(num_particles=4)'
    """

    num_particles: int = 1

    def __post_init__(self) -> None:
        whole_number("PyroELBO: num_particles", self.num_particles)

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        if not isinstance(model, ProgramPart):
            raise SettingError(
                f"PyroELBO: {label_of(model)} is declared",
                expected="a hand-written program: ppgen.Program(model, guide)",
                got=type(model).__name__,
                fix="objective=ppgen.ELBO()",
                code="S144",
            )

    def loss(self, state: State, player: str, step: Step) -> Loss:
        bound = reference_bound(step.model, step.guide, step.batch, step.size, self.num_particles)
        unit = 1 if step.model.is_whole else step.size
        return Loss(bound.loss / unit, {bound.name: bound.elbo / unit})
