"""Whether every parameter that takes part belongs to the program, so that it would be trained and saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn

from ppgen.errors import DeclarationError

__all__ = ["verify_registered"]


def verify_registered(owner: str, trace: Any, programs: Iterable[nn.Module]) -> None:
    """Follow each site's log-density (or generated value) back to the tensors that it is computed from.

    A network in a plain Python list, or one that is reached through a global variable, gets gradients but is no part
    of ``parameters()``: no optimizer would ever move it, and nothing would say so.

    Raises:
        DeclarationError: naming site and shape of a tensor that wants a gradient and belongs to none of the programs.
    """
    known = {id(parameter) for program in programs for parameter in program.parameters()}
    for name, node in trace.nodes.items():
        if node["type"] != "sample":
            continue
        for leaf in _leaves(node.get("log_prob", node["value"])):
            if id(leaf) not in known:
                raise DeclarationError(
                    f"{owner}.{name}: a trainable tensor takes part that is no parameter of the program, "
                    "so that it would never be trained or saved",
                    expected="every network an attribute of the module, a list of them an nn.ModuleList, "
                    "a tensor an nn.Parameter",
                    got=f"a tensor of shape {list(leaf.shape)} with requires_grad=True, outside parameters()",
                    fix="self.layers = nn.ModuleList(layers); or layer.requires_grad_(False), if it is to stay fixed",
                )


def _leaves(value: Any) -> Iterator[Tensor]:
    """Tensors at the start of a value's computation that want a gradient."""
    if not isinstance(value, Tensor) or not value.requires_grad:
        return
    if value.grad_fn is None:
        yield value
        return
    waiting, seen = [value.grad_fn], {value.grad_fn}
    while waiting:
        node = waiting.pop()
        if (variable := getattr(node, "variable", None)) is not None:
            yield variable
        for parent, _ in node.next_functions:
            if parent is not None and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
