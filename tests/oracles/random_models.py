"""Small declared models at random: supports, global latents, plates, masks, covariates, classes and partial labels."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from typing import Any

import pyro.distributions as dist
import torch
from pyro import poutine
from torch import Tensor, nn

import ppgen
from ppgen.inference import BatchTrace
from tests.oracles.random_programs import FAMILIES

__all__ = ["RandomModel", "summed_loss"]

ROWS, WORDS = 5, 3
LATENTS = [family for family in FAMILIES if family not in ("class", "simplex")]

TEMPLATE = """
class Declared(ppgen.Model):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.4))
        self.classes = nn.Parameter(torch.tensor([-0.5, 0.2, 1.0]))
{sites}
"""
SITES = {
    "w": """
    @ppgen.latent(local=False)
    def w(self):
        return FAMILIES[{family!r}](self.weight)
""",
    "y": """
    @ppgen.latent
    def y(self, c{w}):
        return dist.Categorical(logits=self.classes * c[:, None]{plus_w})
""",
    "a": """
    @ppgen.latent
    def a(self, c{w}{y}{kept}):
        return FAMILIES[{family!r}](self.weight * c{dim}{plus_w}{plus_y}){mask}
""",
    "b": """
    @ppgen.latent(plate="words")
    def b(self, a):
        return FAMILIES[{family!r}](number(a, {event_dim}) + torch.zeros(WORDS))
""",
    "x": """
    @ppgen.observed{plate}
    def x(self, a, seen{y}{b}):
        return dist.StudentT(4.0, number(a, {event_dim}){plus_y}{plus_b}, 1.0).mask(seen{dim})
""",
}


def number(value: Tensor, event_dim: int) -> Tensor:
    """A value as one real number for each element of its plates."""
    return value.to(torch.get_default_dtype()).reshape(*value.shape[: value.dim() - event_dim], -1)[..., 0].tanh()


@dataclasses.dataclass(frozen=True)
class RandomModel:
    """A declared model and the guide that is derived for it, made of a seed.

    Args:
        seed: of the choices.
    """

    seed: int

    def choice(self, name: str, *options: Any) -> Any:
        """One of the options, by seed and name."""
        return random.Random(f"{self.seed} {name}").choice(options)

    @property
    def has_classes(self) -> bool:
        """Whether there is a discrete latent, which is summed out."""
        return bool(self.choice("y", True, False))

    @property
    def size(self) -> int:
        """Data points in the whole data set; the batch has 5."""
        return int(self.choice("size", ROWS, 35))

    @property
    def source(self) -> str:
        """The declaration."""
        family = {name: self.choice(name, *LATENTS) for name in "wab"}
        event_dim = 1 if family["a"] == "vector" else 0
        has_w, has_b, is_masked = (self.choice(f"has {name}", True, False) for name in ("w", "b", "mask"))
        has_b = has_b and not self.has_classes
        w = "number(w, 1)" if family["w"] == "vector" else "number(w, 0)"
        parts = {
            "w": ", w" if has_w else "",
            "plus_w": f" + {w}" if has_w else "",
            "y": ", y" if self.has_classes else "",
            "plus_y": " + self.classes[y]" if self.has_classes else "",
            "kept": ", kept" if is_masked else "",
            "mask": f".mask(kept{'[:, None]' * has_b})" if is_masked else "",
            "dim": "[:, None]" * has_b,
            "plate": '(plate="words")' * has_b,
            "b": ", b" if has_b else "",
            "plus_b": f" + number(b, {int(family['b'] == 'vector')})" if has_b else "",
            "event_dim": event_dim,
        }
        there = {"w": has_w, "y": self.has_classes, "a": True, "b": has_b, "x": True}
        sites = (SITES[name].format(**parts, family=family.get(name)) for name, is_there in there.items() if is_there)
        return TEMPLATE.format(sites="".join(sites))

    def pair(self) -> tuple[Any, Any]:
        """Model and guide, with all weights made."""
        names: dict[str, Any] = {
            "ppgen": ppgen, "torch": torch, "nn": nn, "dist": dist,
            "FAMILIES": FAMILIES, "number": number, "WORDS": WORDS,
        }  # fmt: skip
        exec(self.source, names)
        torch.manual_seed(self.seed)
        model = names["Declared"]()
        guide = getattr(ppgen.guides, self.choice("guide", "MeanField", "Structured"))(model)
        ppgen.check(model, guide, batch=self.batch)
        return model, guide

    @property
    def batch(self) -> dict[str, Tensor]:
        """``x`` with its mask ``seen``, a covariate ``c``, a mask ``kept``, and labels in some rows, if at all."""
        noise = torch.Generator().manual_seed(self.seed)
        x, c = torch.randn(2, ROWS, generator=noise)
        seen, kept = torch.rand(2, ROWS, generator=noise) < 0.7
        batch = {"x": x, "c": c, "seen": seen, "kept": kept}
        if "words" in self.source:
            batch["x"] = torch.randn(ROWS, WORDS, generator=noise)
        used = {name: value for name, value in batch.items() if name != "kept" or "kept" in self.source}
        if self.has_classes and self.choice("labels", True, False):
            used["y"] = torch.tensor([-1, 2, -1, 0, -1])
        return used


def summed_loss(model: Any, guide: Any, batch: Mapping[str, Tensor], size: int, traced: BatchTrace) -> Tensor:
    """Minus the bound in nats per datum, [], from Pyro's own traces at the draws of a run with a row for each class.

    Args:
        model: the model.
        guide: the guide.
        batch: of which the run was.
        size: data points in the whole data set.
        traced: the run, of which only the draws are taken, and which row is of which datum with which class.
    """
    rows = traced.enumerated
    assert rows is not None
    drawn = {name: draw.value for name, draw in traced.trace.latents.items() if draw.model_fn is not None}
    drawn["y"] = rows.batch["y"]
    given = {name: value[rows.datum] for name, value in batch.items() if name != "y"}
    count = len(rows.datum)

    def densities(program: Any) -> dict[str, Any]:
        trace = poutine.trace(poutine.condition(program, data=drawn)).get_trace(given, count)
        trace.compute_log_prob()
        return {
            name: site
            for name, site in trace.nodes.items()
            if site["type"] == "sample" and not name.startswith("_") and type(site["fn"]).__name__ != "_Subsample"
        }

    p, q = densities(model), densities(guide)
    is_unknown = torch.ones(count, dtype=torch.bool) if "y" not in batch else batch["y"][rows.datum] < 0
    log_q_y = torch.where(is_unknown, q["y"]["log_prob"], torch.zeros(()))
    each, whole = -log_q_y, torch.zeros(())
    for name, site in p.items():
        log_ratio = site["log_prob"]
        if name in q and name != "y":
            log_ratio = log_ratio - _masked_as(site, q[name]["log_prob"])
        if log_ratio.dim():
            each = each + log_ratio
        else:
            whole = whole + log_ratio
    return -(log_q_y.exp() * each).sum() / len(batch["x"]) - whole / size


def _masked_as(site: Any, density: Tensor) -> Tensor:
    """The guide's density where the model's counts: a derived guide copies the mask, but need not."""
    mask = site["mask"]
    return density if mask is None else torch.where(mask, density, density.new_zeros(()))
