"""How often fit runs model and guide before the first training step, and that it sets nothing on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.guides import Delta, FullRank, MeanField
from ppgen.models import GAN, VAE, ConditionalVAE, GatedPixelCNN, SemiSupervisedVAE
from ppgen.training.step import TrainingStep

ROWS = 24
BITS = torch.bernoulli(torch.full((ROWS, 1, 8, 8), 0.5), generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(ROWS) % 3
PARTLY = torch.where(torch.arange(ROWS) < 8, LABELS, -1)


class Encoder(ppgen.Guide):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(64, 4)

    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        loc, raw = self.net(x.flatten(1)).chunk(2, -1)
        return dist.Normal(loc, raw.exp()).to_event(1)


def count_runs(monkeypatch: pytest.MonkeyPatch, model: Any, data: dict[str, Tensor], **arguments: Any) -> Counter[str]:
    """Runs of model and guide, by the class whose ``forward`` it is, until the first training step begins."""
    runs: Counter[str] = Counter()

    class Reached(Exception):
        pass

    def stop(*_: Any) -> None:
        raise Reached

    def counted(name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            runs[name] += 1
            return forward(*args, **kwargs)

        return run

    for name, base in (("model", ppgen.Model), ("guide", ppgen.Guide), ("guide", ppgen.guides.DerivedGuide)):
        monkeypatch.setattr(base, "forward", counted(name, base.forward))
    monkeypatch.setattr(TrainingStep, "__call__", stop)
    if isinstance(model, ppgen.Program):
        for name, part in vars(model).items():
            object.__setattr__(part, "function", counted(name, part.function))
    with pytest.raises(Reached):
        ppgen.fit(model, data=data, progress=False, **arguments)
    return runs


def small(family: type = VAE, **more: Any) -> Any:
    return family((1, 8, 8), latent_dim=2, hidden=(4,), **more)


def with_labels(guide: type) -> tuple[Any, Any]:
    model = small(SemiSupervisedVAE, num_classes=3)
    return model, guide(model)


def pair() -> ppgen.Program:
    net = nn.Linear(64, 2)

    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=z.sum(-1)[:, None, None, None].expand(x.shape)).to_event(3), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(net(x.flatten(1)), pyro.param("scale", torch.ones(2))).to_event(1))

    return ppgen.Program(model, guide)


# One run of the model is on half of the rows: what it counts for each must be what it counted beside the others.
CASES: dict[str, tuple[Callable[[], tuple[Any, Any]], dict[str, Tensor], int, int]] = {
    "derived by fit": (lambda: (small(), None), {"x": BITS}, 4, 2),
    "derived by the user": (lambda: _with(small(), MeanField), {"x": BITS}, 3, 2),
    "of full rank": (lambda: (small(), FullRank), {"x": BITS}, 4, 2),
    "a point": (lambda: (small(), Delta), {"x": BITS}, 4, 2),
    "written": (lambda: (small(), Encoder()), {"x": BITS}, 3, 3),
    "with a covariate": (lambda: (small(ConditionalVAE, num_classes=3), None), {"x": BITS, "y": LABELS}, 4, 2),
    # Whether its distributions read what they are observed at takes a run of its own.
    "program": (lambda: (pair(), None), {"x": BITS.repeat(8, 1, 1, 1)}, 5, 3),
    # It is tried first whether it runs on a part of its rows: else it would be taken whole.
    "program, all rows": (lambda: (pair(), None), {"x": BITS}, 9, 5),
    # A loss that sums labels out runs the guide twice: for q(y | x), then with every y given.
    "all labels": (lambda: _with(small(SemiSupervisedVAE, num_classes=3), MeanField), {"x": BITS, "y": LABELS}, 3, 3),
    "some labels": (lambda: (small(SemiSupervisedVAE, num_classes=3), None), {"x": BITS, "y": PARTLY}, 4, 3),
    "autoregressive": (lambda: (GatedPixelCNN((1, 8, 8), 4, 1), None), {"x": BITS}, 3, 0),
    # Two players, who each draw once, and the shape that the default critic is made for.
    "implicit": (lambda: (GAN((1, 8, 8), latent_dim=2), None), {"x": BITS}, 4, 0),
}


def _with(model: Any, family: Any) -> tuple[Any, Any]:
    return model, family(model)


@pytest.mark.parametrize("name", list(CASES))
def test_model_and_guide_run_as_seldom_as_they_can(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, data, model_runs, guide_runs = CASES[name]
    model, guide = make()
    runs = count_runs(monkeypatch, model, data, guide=guide)
    assert (runs["model"], runs["guide"]) == (model_runs, guide_runs)


def marks(*modules: nn.Module) -> dict[str, Any]:
    """All that a fit must leave on a user's modules: attributes, hooks, and what is set on their parameters."""
    found: dict[str, Any] = {}
    for i, module in enumerate(modules):
        for where, part in module.named_modules():
            for name, value in vars(part).items():
                kept = list(value) if isinstance(value, (dict, list, set)) else id(value)
                found[f"{i}.{where}.{name}"] = (type(value), None if name == "training" else kept)
        for name, parameter in module.named_parameters():
            found[f"{i}.{name}"] = (id(parameter), sorted(vars(parameter)), parameter.requires_grad)
    return found


class Bare(nn.Module):
    """A hand-written program as one writes it without Pyro's modules."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(2, 64)

    def forward(self, x: Tensor) -> None:
        pyro.module("bare", self)
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=self.net(z).reshape(x.shape)).to_event(3), obs=x)


def test_nothing_is_set_on_what_the_user_made() -> None:
    encoder, critic, closed, bare = nn.Linear(64, 2), ppgen.nets.critic((1, 8, 8)), nn.Linear(64, 2), Bare()
    frozen = small()
    frozen.decoder.requires_grad_(False)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(closed(x.flatten(1)), 1.0).to_event(1))

    flat = nn.Sequential(nn.Flatten(), encoder)
    model, written, derived, gan = small(), Encoder(), small(), GAN((1, 8, 8), latent_dim=2)
    users = [flat, critic, closed, bare, frozen, model, written, derived, gan]
    keys, functions, before = list(pyro.get_param_store()), [dict(vars(guide)), dir(guide)], marks(*users)
    settings: dict[str, Any] = {"data": {"x": BITS}, "max_epochs": 1, "progress": False}
    ppgen.fit(model, guide=written, **settings).elbo()
    ppgen.fit(derived, guide=MeanField(derived, encoder=flat), **settings).encode()
    ppgen.fit(frozen, **settings)
    ppgen.fit(gan, objective=ppgen.Adversarial(critic=critic), **settings).sample(2)
    ppgen.fit(ppgen.Program(bare, guide), **settings).elbo()
    assert marks(*users) == before
    assert [dict(vars(guide)), dir(guide)] == functions
    assert list(pyro.get_param_store()) == keys
