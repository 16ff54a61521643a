"""Programs whose parameters Pyro's own inference can see, without the global param store."""

from __future__ import annotations

from typing import Any

from pyro.params.param_store import param_with_module_name
from pyro.poutine.block_messenger import BlockMessenger
from pyro.poutine.runtime import _PYRO_STACK
from pyro.poutine.trace_messenger import TraceMessenger
from torch import nn
from torch.nn.parameter import is_lazy

__all__ = ["Announced"]


class Announced(nn.Module):
    """A Pyro program that is a torch module, and says which parameters it trains to whoever collects them.

    ``pyro.infer.SVI`` trains what ``pyro.param`` announces inside ``poutine.trace(param_only=True)``. A torch module
    announces nothing by itself, and so would never be trained, in silence. Each call of this one therefore puts its
    parameters into such a capture, if there is one, and into the traces on the way to it, which tell Pyro's bounds
    that there is something to train. It does so after the call, so that what the first call makes is among them.

    Nothing goes to the global param store: its names are shared by the whole process, and a second instance of a class
    would get the tensors of the first. So a Pyro optimizer has no name for them, which options by parameter and its
    ``get_state`` need: for these, wrap the pair in functions that call ``pyro.module``. Handlers that hide parameters
    (``poutine.block(hide_types=["param"])``) hide these too.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        returned = super().__call__(*args, **kwargs)
        if any(_is_capture(frame) for frame in _PYRO_STACK):
            label = str(getattr(self, "label", type(self).__name__))
            for name, parameter in self.named_parameters():
                if parameter.requires_grad and not is_lazy(parameter):
                    _announce(param_with_module_name(label, name), parameter)
        return returned


def _is_capture(frame: Any) -> bool:
    return isinstance(frame, TraceMessenger) and frame.param_only


def _announce(name: str, parameter: nn.Parameter) -> None:
    """Put a parameter into the traces around it, as far as no handler hides it, if one of them is a capture."""
    value = parameter.view_as(parameter)  # a tensor of its own, so that the user's keeps no attribute of ours
    value.unconstrained = lambda: parameter  # what Pyro's optimizers ask for
    message: dict[str, Any] = {
        "type": "param",
        "name": name,
        "fn": None,
        "is_observed": False,
        "args": (name, parameter),
        "kwargs": {},
        "value": value,
        "scale": 1.0,
        "mask": None,
        "cond_indep_stack": (),
        "done": True,
        "stop": False,
        "continuation": None,
        "infer": {},
    }
    tracers = []
    for frame in reversed(_PYRO_STACK):
        if isinstance(frame, BlockMessenger) and frame.hide_fn(message):
            break
        if isinstance(frame, TraceMessenger):
            tracers.append(frame)
    if any(map(_is_capture, tracers)):
        for trace in (tracer.trace for tracer in tracers):
            free = _free_name(trace, name, parameter)
            trace.add_node(free, **{**message, "name": free})


def _free_name(trace: Any, name: str, parameter: nn.Parameter) -> str:
    """The name, or one with a mark at its end where another module of the same label has it already."""
    while name in trace.nodes:
        known = getattr(trace.nodes[name]["value"], "unconstrained", None)
        if known is not None and known() is parameter:
            break
        name += "_"
    return name
