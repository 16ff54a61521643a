"""Plates that a program opens itself: each call sees one minibatch, and draws none of its own."""

from __future__ import annotations

from typing import Any

from pyro.poutine.util import site_is_subsample

from ppgen.errors import DeclarationError

__all__ = ["SIZED_PLATE", "describe_plates", "verify_plates"]

SIZED_PLATE = 'with pyro.plate("data", size, subsample_size=len(x)): ..., where fit gives x and size'


def verify_plates(owner: str, trace: Any, rows: int) -> None:
    """Check that no plate of a trace, which may be one of a failed run, subsamples other than the batch's rows.

    Raises:
        DeclarationError: naming the plate.
    """
    for name, plate in _plates(trace).items():
        size, own = plate.size, plate.subsample_size
        if own in (None, rows):
            continue
        if own < size:
            what = "draws a subsample of its own"
            fix = f"{SIZED_PLATE}; choose the size of minibatches by ppgen.fit(..., batch_size=...)"
        else:
            what = "does not follow the rows of the batch"
            fix = (
                "compute what belongs to a data point from x; a guide with parameters for each data point, "
                "such as AutoNormal over local latents, cannot be used with minibatches"
            )
        raise DeclarationError(
            f"{owner}: the plate {name!r} {what}",
            expected=f"a plate over the {rows} rows of the batch: fit makes the minibatches",
            got=f"pyro.plate({name!r}, {size}, subsample_size={own})",
            fix=fix,
        )


def describe_plates(trace: Any) -> str:
    """Names and sizes of a trace's plates, for messages."""
    return ", ".join(f"{name} of {plate.size}" for name, plate in _plates(trace).items())


def _plates(trace: Any) -> dict[str, Any]:
    return {
        name: node["fn"] for name, node in trace.nodes.items() if node["type"] == "sample" and site_is_subsample(node)
    }
