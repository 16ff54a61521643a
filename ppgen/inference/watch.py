"""What kind of number a run under Pyro's own estimators gives: a bound, a joint density, an unnormalised one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample
from torch import Tensor

from ppgen.declare import is_computed, is_delta, is_normalised, is_point_guide
from ppgen.inference.bound import data_frame
from ppgen.inference.paired_trace import PairedSite

__all__ = ["Watch"]


class Watch(Messenger):
    """Sees what kind of number a run gives, and takes the program's own weights out of it if asked to.

    After a run, ``plate`` is the data plate of the model, if it has one, and ``has_shared_latents`` says whether
    latents stand outside of it.

    Args:
        unweighted: undo the program's ``poutine.scale``, and count no factor of its guide.
    """

    def __init__(self, *, unweighted: bool = False) -> None:
        super().__init__()
        self.unweighted = unweighted
        self.is_weighted = False
        self.has_shared_latents = False
        self.plate: Any = None
        self._in_model = False
        self._is_normalised = True
        self._rows, self._known = 0, None
        self._drawn: dict[str, Any] = {}
        self._met: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Of the number in a record, see :class:`ReferenceBound`."""
        points = [
            (fn, self._drawn[name]["value"]) for name, fn in self._met.items() if is_delta(self._drawn[name]["fn"])
        ]
        auxiliary = [message["value"] for name, message in self._drawn.items() if name not in self._met]
        if is_point_guide(points, auxiliary):
            return "log_joint"
        return "elbo" if self._is_normalised else "unnormalised_elbo"

    def around(self, program: Callable[..., Any], *, in_model: bool = False) -> Callable[..., Any]:
        """The program, watched.

        Args:
            program: called as ``program(batch, size)``.
            in_model: whether it is the model.
        """

        def watched(batch: Mapping[str, Tensor], size: int) -> Any:
            self._in_model = in_model
            if not in_model:
                self._drawn.clear()
                self._met.clear()
            self._rows, self._known = len(next(iter(batch.values()))), getattr(program, "data_plates", None)
            with self:
                return program(batch, size)

        return watched

    def _process_message(self, message: Any) -> None:
        if not _is_variable(message):
            return
        site = PairedSite(message["name"], message["value"], scale=message["scale"], frames=message["cond_indep_stack"])
        is_factor = not self._in_model and message["is_observed"]
        self.is_weighted |= is_factor or site.is_weighted
        if self.unweighted:
            message["scale"] = site.plate_scale
            message["mask"] = False if is_factor else message["mask"]

    def _postprocess_message(self, message: Any) -> None:
        if not _is_variable(message):
            return
        if not self._in_model:
            if not message["is_observed"]:
                self._drawn[message["name"]] = message.copy()
            return
        frames = message["cond_indep_stack"]
        site = PairedSite(message["name"], message["value"], frames=frames, data_plates=self._known)
        plate = data_frame(site, self._rows)
        self.plate = self.plate or plate
        self.has_shared_latents |= plate is None and not message["is_observed"]
        self._is_normalised &= is_normalised(message["fn"])
        if message["name"] in self._drawn:
            self._met[message["name"]] = message["fn"]


def _is_variable(message: Any) -> bool:
    """Whether a message is of a random variable: of no parameter, plate or deterministic value."""
    is_sample = message["type"] == "sample" and not isinstance(message["fn"], _Subsample)
    return is_sample and not is_computed(message)
