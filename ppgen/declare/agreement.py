"""What the traces of a checked pair must satisfy: names, shapes, supports, scales, plates and parameters."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.declare.look import SIZED_PLATE, random_sites
from ppgen.declare.program import ProgramPart
from ppgen.declare.supports import (
    CIRCLE,
    is_circular,
    name_of,
    same_support,
    support_name,
    support_of,
)
from ppgen.errors import DeclarationError

__all__ = ["verify_names", "verify_pair", "verify_registered", "verify_rows", "verify_scale", "verify_size"]


def verify_names(model: str, guide: str, latents: Mapping[str, Any], draws: Mapping[str, Any]) -> None:
    """Check that the guide draws each latent variable of the model and no other.

    Args:
        model: its name, for the message.
        guide: its name.
        latents: nodes of the model's trace.
        draws: nodes of the guide's trace.

    Raises:
        DeclarationError: naming the first that is missing, or too much.
    """
    missing = [name for name in latents if name not in draws]
    surplus = [name for name in draws if name not in latents and not draws[name]["infer"].get("is_auxiliary")]
    expected, got = f"guide sites {sorted(latents)}", f"guide sites {sorted(draws)}"
    if missing:
        near = difflib.get_close_matches(missing[0], surplus, n=1) or (surplus if len(surplus) == 1 else [])
        raise DeclarationError(
            f"{guide}: the guide has no site for the latent variable {missing[0]!r} of {model}",
            expected=expected,
            got=got,
            fix=f"rename {near[0]!r} to {missing[0]!r}"
            if near
            else f"@ppgen.latent def {missing[0]}(self, x): return dist.Normal(...).to_event(1)",
            code="M001",
        )
    if surplus:
        raise DeclarationError(
            f"{guide}: the guide draws {surplus[0]!r}, which is no latent variable of {model}",
            expected=expected,
            got=got,
            fix=f"remove {surplus[0]!r} or rename it; an auxiliary variable needs a density in the model too: "
            f'pyro.sample("{surplus[0]}", r({surplus[0]} | z, x))',
            code="M002",
        )


def verify_pair(where: str, model_node: Any, guide_node: Any) -> None:
    """Check one latent variable's distribution in the guide against the one in the model.

    Args:
        where: guide and site, for the message.
        model_node: of the model's trace.
        guide_node: of the guide's trace.

    Raises:
        DeclarationError: if event shape, value shape, support or scale differ.
    """
    p, q = model_node["fn"], guide_node["fn"]
    if tuple(p.event_shape) != tuple(q.event_shape):
        raise DeclarationError(
            f"{where}: the guide's event shape is not the model's",
            expected=f"event shape {list(p.event_shape)}, as {name_of(p)} has in the model",
            got=f"{name_of(q)} with event shape {list(q.event_shape)} and batch shape {list(q.batch_shape)}",
            fix=f"return a distribution over {list(p.event_shape)}, with .to_event({len(p.event_shape)})",
            code="M003",
        )
    shape = p.batch_shape + p.event_shape  # of what it would draw itself, where the model ran on the guide's draw
    if guide_node["value"].shape != shape:
        frames = [frame.name for frame in model_node["cond_indep_stack"]]
        raise DeclarationError(
            f"{where}: the guide draws another shape than the model",
            expected=f"values of shape {list(shape)}, in the plates {frames[::-1]}",
            got=f"{list(guide_node['value'].shape)}, in the plates "
            f"{[frame.name for frame in guide_node['cond_indep_stack']][::-1]}",
            fix="put the site into the same plates; a ppgen.Guide names those that none of its sites is in by "
            'plates = ("words",)',
            code="M004",
        )
    if not _covers(p, q, guide_node["value"]):
        raise DeclarationError(
            f"{where}: the guide's support is not the model's",
            expected="angles, whose density is one on the circle: on the real line it has no integral"
            if is_circular(p)
            else f"{support_name(p.support)}, as {name_of(p)} has in the model",
            got=f"{name_of(q)} over {support_name(q.support)}",
            fix="a distribution on that support: ppgen.guides.MeanField(model), or "
            + ("dist.VonMises" if is_circular(p) else "dist.TransformedDistribution(q, [biject_to(p.support)])"),
            code="M005",
        )
    scales = (torch.as_tensor(node["scale"]).double() for node in (model_node, guide_node))
    if not bool(torch.isclose(*torch.broadcast_tensors(*scales)).all()):
        raise DeclarationError(
            f"{where}: model and guide scale this site differently",
            expected=f"scale {_words(model_node['scale'])}, as in the model",
            got=f"scale {_words(guide_node['scale'])}",
            fix="use the same plate size (and poutine.scale) in both; for a beta-VAE use ppgen.ELBO(beta=...)",
            code="M007",
        )


def verify_rows(owner: str, trace: Any, rows: int) -> None:
    """Check that what is observed stands in a plate over the rows of the batch.

    Args:
        owner: the program's name, for the message.
        trace: of the program.
        rows: of the batch.

    Raises:
        DeclarationError: naming the site.
    """
    for name, node in random_sites(trace).items():
        frames = node["cond_indep_stack"]
        is_factor = name_of(node["fn"]) == "Unit"
        if node["is_observed"] and not is_factor and not any(f.vectorized and f.size == rows for f in frames):
            raise DeclarationError(
                f"{owner}.{name}: this observed site stands in no plate over the rows of the batch",
                expected=f"a vectorised plate of {rows}, the batch's rows",
                got=", ".join(f"plate {frame.name!r} of {frame.size}" for frame in frames) or "no plate",
                fix=SIZED_PLATE,
                code="M008",
            )


def verify_size(plate: str, full: float, size: int) -> None:
    """Refuse a data plate of another size than the data have, where a latent is one for all of them.

    Its density would count as that of so many others: what is said of each datum would be no bound on its share.

    Args:
        plate: its name.
        full: what the program says that its size is.
        size: data points in the whole data set.

    Raises:
        DeclarationError: if they differ.
    """
    if full != size:
        raise DeclarationError(
            f"the plate {plate!r} is over {full:g} data points, but there are {size}: "
            "what they share would count for too many or too few",
            expected=f"a plate over {size}",
            got=f"pyro.plate({plate!r}, {full:g}, ...)",
            fix=f"an argument `size` in model and guide, which ppgen gives: pyro.plate({plate!r}, size, ...)",
            code="M075",
        )


def verify_scale(owner: str, sites: Mapping[str, Any], rows: int) -> None:
    """Check, on a minibatch, that a program with global latents scales its local sites up to the data set.

    Without that, the prior of a global latent would count once for each minibatch instead of once.

    Args:
        owner: the program's name, for the message.
        sites: nodes of its trace.
        rows: of the minibatch.

    Raises:
        DeclarationError: naming a global latent and a local site.
    """
    frames = {
        name: next((f for f in node["cond_indep_stack"] if f.vectorized and f.size == rows), None)
        for name, node in sites.items()
    }
    shared = [name for name, node in sites.items() if frames[name] is None and not node["is_observed"]]
    for name, frame in frames.items():
        if shared and frame is not None and frame.full_size == rows:
            raise DeclarationError(
                f"{owner}.{name}: a minibatch's log-density is not scaled up to the data set, "
                f"although the latent variable {shared[0]!r} is one for all data",
                expected=f"a plate {frame.name!r} that knows the size of the data set",
                got=f"pyro.plate({frame.name!r}, {rows})",
                fix=SIZED_PLATE,
                code="M009",
            )


def verify_registered(owner: str, trace: Any, programs: Iterable[nn.Module]) -> None:
    """Follow each site's log-density (or generated value) back to the tensors that it is computed from.

    A network in a plain Python list, or one that is reached through a global variable, gets gradients but is no part
    of ``parameters()``: no optimizer would ever move it, and nothing would say so.

    Args:
        owner: the program's name, for the message.
        trace: of the program, with log-densities.
        programs: whose parameters will be trained.

    Raises:
        DeclarationError: naming site and shape of a tensor that wants a gradient and belongs to none of the programs.
    """
    programs = list(programs)
    known = {id(parameter) for program in programs for parameter in program.parameters()}
    fix = "self.layers = nn.ModuleList(layers); or layer.requires_grad_(False), if it is to stay fixed"
    if any(isinstance(program, ProgramPart) for program in programs):
        fix = (
            'pyro.module("net", net) in the program; or pass the network in (a closure, a default argument), or make '
            "it an attribute of the object whose method the program is; or net.requires_grad_(False)"
        )
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
                    fix=fix,
                    code="M010",
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


def _covers(p: Any, q: Any, value: Tensor) -> bool:
    """Whether a guide's support is the model's, as far as both are known.

    An affine transform does not know the interval it maps to and says "real": its draws are checked instead.
    """
    wanted, offered = support_of(p), support_of(q)
    if is_circular(p):
        if is_circular(q):
            return True
        wanted = CIRCLE  # any turn further would be counted once more
    if wanted is None or offered is None:
        return True
    if not bool(wanted.check(value).all()):
        return False
    if name_of(q) == "Delta" or same_support(wanted, offered):
        return True
    return name_of(q) == "TransformedDistribution" and support_name(offered) == "real numbers"


def _words(scale: float | Tensor) -> str:
    values = torch.as_tensor(scale)
    return f"{values.item():g}" if values.numel() == 1 else str(values.tolist())
