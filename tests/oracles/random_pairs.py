"""What is wrong with the loss, gradient and bound of random pairs, beside Pyro's own on the same draws.

300 pairs of each kind, hand-written and declared, by

python -m tests.oracles.random_pairs 300
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import pyro
import torch
from torch import Tensor

import ppgen
from ppgen.inference import BatchTrace, elbo_parts_of, importance, row_weights, trace_batch
from tests.oracles.pyro_elbos import flat, gradients, ours, reference
from tests.oracles.random_models import RandomModel, summed_loss
from tests.oracles.random_programs import RandomPair

__all__ = ["KINDS", "fault"]

CLOSE = {"rtol": 1e-8, "atol": 1e-10}


def fault(kind: str, seed: int) -> str:
    """What differs for a pair of the seed, or nothing.

    Args:
        kind: a key of ``KINDS``.
        seed: of the pair.
    """
    found, wanted = KINDS[kind](seed)
    differs = [name for name, value in wanted.items() if not torch.allclose(found[name], value, **CLOSE)]
    return "; ".join(f"{name}: {found[name].tolist()} where Pyro has {wanted[name].tolist()}" for name in differs)


Numbers = dict[str, Tensor]


def _set_up(pair: RandomPair) -> ppgen.Program:
    program = ppgen.Program(pair.model, pair.guide)
    ppgen.check(program, batch=pair.batch)
    return program.setup(pair.batch)


def _unweighted(pair: RandomPair) -> ppgen.Program:
    """The pair without scales and without the guide's factor, whose loss at Pyro is minus the bound."""
    return _set_up(RandomPair(pair.seed, pair.discrete, is_weighted=False))


def _sampled(model: Any, guide: Any, batch: Mapping[str, Tensor], size: int) -> tuple[Numbers, Numbers, Any]:
    """Loss and gradient of a pair whose latents are all drawn."""
    value, gradient = reference("sampled", model, guide, batch, size)
    loss, slopes = ours(ppgen.ELBO(closed_form=False), model, guide, batch, size)
    found = {"loss": loss.value.detach(), "gradient": flat(slopes)}
    return found, {"loss": value, "gradient": flat(gradient)}, loss


def _program(seed: int) -> tuple[Numbers, Numbers]:
    pair = RandomPair(seed)
    written, plain = _set_up(pair), _unweighted(pair)
    found, wanted, loss = _sampled(written.model, written.guide, pair.batch, pair.size)
    found["history"] = loss.record.get("elbo", loss.record.get("unnormalised_elbo"))
    wanted["history"] = -reference("sampled", plain.model, plain.guide, pair.batch, pair.size)[0]
    found["fit.elbo"] = importance.elbo(written.model, written.guide, pair.batch, 1, 0).mean()
    wanted["fit.elbo"] = -reference("sampled", plain.model, plain.guide, pair.batch, len(pair.batch["x"]))[0]
    return found, wanted


def _drawn_classes(seed: int) -> tuple[Numbers, Numbers]:
    pair = RandomPair(seed, discrete=True)
    written, plain = _set_up(pair), _unweighted(pair)
    loss, _ = ours(ppgen.ELBO(gradient="score", closed_form=False), written.model, written.guide, pair.batch, pair.size)
    found = {"loss": loss.value.detach()}
    wanted = {"loss": reference("sampled", written.model, written.guide, pair.batch, pair.size)[0]}
    if all(site.local for site in written.model.sites.values()):
        pyro.set_rng_seed(0)
        traced = trace_batch(written.model, written.guide, pair.batch, pair.size)
        found["log weights"] = row_weights(traced.trace).detach().mean()
        wanted["log weights"] = -reference("sampled", plain.model, plain.guide, pair.batch, pair.size)[0]
    return found, wanted


def _declared(seed: int) -> tuple[Numbers, Numbers]:
    pair = RandomModel(seed)
    model, guide = pair.pair()
    if pair.has_classes:
        return _summed(pair, model, guide)
    found, wanted, loss = _sampled(model, guide, pair.batch, pair.size)
    found["history"], wanted["history"] = loss.record["elbo"], -wanted["loss"]
    found["fit.elbo"] = importance.elbo(model, guide, pair.batch, 1, 0).mean()
    wanted["fit.elbo"] = -reference("sampled", model, guide, pair.batch, len(pair.batch["x"]))[0]
    return found, wanted


def _summed(pair: RandomModel, model: Any, guide: Any) -> tuple[Numbers, Numbers]:
    def ran() -> BatchTrace:
        pyro.set_rng_seed(0)
        return trace_batch(model, guide, pair.batch, pair.size)

    losses = (
        elbo_parts_of(ran(), pair.size, closed_form=False).loss,
        summed_loss(model, guide, pair.batch, pair.size, ran()),
    )
    found, wanted = ({"loss": loss.detach(), "gradient": flat(gradients(loss, model, guide))} for loss in losses)
    return found, wanted


KINDS: dict[str, Callable[[int], tuple[Numbers, Numbers]]] = {
    "hand-written": _program,
    "hand-written, with classes drawn": _drawn_classes,
    "declared": _declared,
}


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    number = int(sys.argv[1])
    found = {f"{kind}, seed {seed}": fault(kind, seed) for kind in KINDS for seed in range(number)}
    faults = [f"{pair}: {text}" for pair, text in found.items() if text]
    print(*faults, f"{len(faults)} faults in {number} pairs of each of {len(KINDS)} kinds", sep="\n")
    sys.exit(bool(faults))
