"""One run of a program that leaves no mark, for what its sites and plates show."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyro
import torch
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample
from torch import Tensor
from torch.distributions import transform_to

from ppgen.context import preserved_state, validation
from ppgen.declare.batch import batch_rows
from ppgen.declare.failure import explain_failure
from ppgen.declare.parameters import ProgramModule
from ppgen.declare.supports import is_delta, mask_of, name_of
from ppgen.errors import DeclarationError, PpgenError

__all__ = [
    "SIZED_PLATE",
    "describe_plates",
    "is_computed",
    "label_of",
    "look",
    "random_sites",
    "to_sum_out",
    "verify_enumeration",
    "verify_guide_plates",
    "verify_plates",
]


SIZED_PLATE = (
    'with pyro.plate("data", size, subsample_size=len(x)): ..., where fit gives x and size; or leave it as it is, and '
    "let it see all rows at once: ppgen.fit(ppgen.Program(model, guide), data, batch_size=None)"
)


def verify_plates(owner: str, trace: Any, rows: int, strict: Collection[str] = ()) -> None:
    """Check that no plate of a trace, which may be one of a failed run, subsamples other than the batch's rows.

    Args:
        owner: the program's name, for the message.
        trace: of the program.
        rows: of the batch.
        strict: names of plates that must follow the rows. Pyro's automatic guides state the size of all their plates:
            right over components, wrong over data.

    Raises:
        DeclarationError: naming the plate.
    """
    for name, plate in _plates(trace).items():
        size, own = plate.size, plate.subsample_size
        if own in (None, rows) or (own == size and name not in strict):
            continue
        if own < size:
            what = "draws a subsample of its own"
            fix = f"{SIZED_PLATE}; choose the size of minibatches by ppgen.fit(..., batch_size=...)"
        else:
            what = "does not follow the rows of the batch"
            fix = (
                "compute what belongs to a data point from x; a guide with parameters for each data point, such as "
                "AutoNormal over local latents, sees all rows at once: "
                "ppgen.fit(ppgen.Program(model, guide), data, batch_size=None)"
            )
        raise DeclarationError(
            f"{owner}: the plate {name!r} {what}",
            expected=f"a plate over the {rows} rows of the batch: fit makes the minibatches",
            got=f"pyro.plate({name!r}, {size}, subsample_size={own})",
            fix=fix,
            code="M018",
        )


def verify_guide_plates(guide: str, drawn: Any, trace: Any, rows: int) -> None:
    """Check that the plates of a guide which follow the rows of the batch in the model do so in the guide.

    Args:
        guide: its name, for the message.
        drawn: trace of the guide.
        trace: of the model.
        rows: of the batch.

    Raises:
        DeclarationError: naming the plate.
    """
    followed = [name for name, plate in _plates(trace).items() if rows in (plate.size, plate.subsample_size)]
    verify_plates(guide, drawn, rows, strict=followed)


def describe_plates(trace: Any) -> str:
    """Names and sizes of a trace's plates, for messages."""
    return ", ".join(f"{name} of {plate.size}" for name, plate in _plates(trace).items())


def _plates(trace: Any) -> dict[str, Any]:
    return {
        name: node["fn"] for name, node in trace.nodes.items() if node["type"] == "sample" and site_is_subsample(node)
    }


def look(program: ProgramModule, batch: Mapping[str, Tensor], size: int | None, replayed: Any = None) -> Any:
    """Trace a program with gradients and all checks on, leaving no mark on it.

    Args:
        program: called as ``program(batch, size)``.
        batch: tensors ``[rows, ...]`` by site and covariate.
        size: number of data points that the batch is a part of.
        replayed: the trace of a guide, whose draws the latents take.

    Raises:
        PpgenError: if the program fails, with its inputs and the likeliest remedy.
    """
    tracer = pyro.poutine.trace()
    replay = pyro.poutine.replay(trace=pyro.poutine.Trace() if replayed is None else replayed)
    label, rows = label_of(program), None if program.is_whole else batch_rows(batch, size)
    try:
        with preserved_state(program), torch.enable_grad(), validation(True), _SomeValue(), tracer, replay:
            program(batch, size)
    except PpgenError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, AssertionError) as error:
        for owner, trace in ((label, tracer.trace), ("guide", replayed)):
            if trace is not None and rows is not None:
                verify_plates(owner, trace, rows, strict=_plates(trace))
        plates = describe_plates(tracer.trace)
        where = f"{label} (plates: {plates})" if plates else label
        again = preserved_state(program)(lambda given: program(given, size))
        raise explain_failure(where, batch, error, again, _fix(size)) from error
    if rows is not None:  # a program that is taken whole has plates of any size, and subsamples of its own
        verify_plates(label, tracer.trace, rows)
    return tracer.trace


class _SomeValue(Messenger):
    """Gives a latent whose prior has no integral, so that nothing can be drawn from it, a value of its support."""

    def _pyro_sample(self, message: Any) -> None:
        if message["value"] is None and name_of(message["fn"]) == "ImproperUniform":
            reach = transform_to(message["fn"].support)
            message["value"] = reach(torch.zeros(reach.inverse_shape(message["fn"].shape())))
            message["done"] = True


def _fix(size: int | None) -> str | None:
    if size is None:
        return None
    return (
        "the same program ran on a batch of one row more: nothing in it may have an entry for each data point of one "
        'batch. Compute such values from x, and write pyro.plate("data", size, subsample_size=len(x))'
    )


def random_sites(trace: Any) -> dict[str, Any]:
    """The random variables of a trace, without plates and deterministic values."""
    return {
        name: node
        for name, node in trace.nodes.items()
        if node["type"] == "sample" and not site_is_subsample(node) and not is_computed(node)
    }


def is_computed(node: Any) -> bool:
    """Whether a site's value is computed rather than random, by ``pyro.deterministic`` or by a reparameterisation.

    Both observe a Delta at its own point, and count nothing for it.

    Args:
        node: of a trace, or the message that it is made of.
    """
    if node["infer"].get("_deterministic"):
        return True
    return node["is_observed"] and is_delta(node["fn"]) and _counts_nothing(node["fn"], node["value"])


def _counts_nothing(fn: Any, value: Tensor) -> bool:
    if mask_of(fn) is False:
        return True
    log_prob = fn.log_prob(value)
    return not bool(log_prob.any())


def to_sum_out(node: Any) -> bool:
    """Whether a latent of a model asks to be summed out: Pyro does so in parallel only, and draws all others."""
    return not node["is_observed"] and node["infer"].get("enumerate") == "parallel"


def verify_enumeration(model: str, sites: Mapping[str, Any]) -> None:
    """Refuse a latent that the model draws several times instead of summing it out.

    Pyro multiplies densities of such draws and adds them up, as if they were all the values that there are: what
    comes out may lie far above log p(x). In a guide, they are an average over draws, and right.

    Args:
        model: its name, for the message.
        sites: nodes of its trace.

    Raises:
        DeclarationError: naming the site.
    """
    for name, node in sites.items():
        if not node["is_observed"] and node["infer"].get("enumerate") and node["infer"].get("num_samples"):
            raise DeclarationError(
                f"{model}.{name}: the model draws this latent several times, and no bound on log p(x) follows",
                expected='all its values, infer={"enumerate": "parallel"}, or a site of that name in the guide',
                got=f"num_samples={node['infer']['num_samples']}",
                fix="leave num_samples out of config_enumerate(model, ...); in the guide it is right",
                code="M076",
            )


def label_of(program: Any) -> str:
    """A program's name in messages: its class, or the function that it was written as."""
    return str(program._get_name())
