"""A stand-in for a fit whose answers are known exactly, and scorecards made by hand."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ppgen.data
from ppgen.by_site import BySite
from ppgen.data import Dataset
from ppgen.declare.site import Site, covariate_names
from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation import DataSplit, PrincipalComponents, Scorecard
from ppgen.fitted import Fit
from ppgen.objectives import State
from tests.oracles.cards import card_of

TOY = DataSplit("toy", 50)


class FakeModel(types.SimpleNamespace):
    """Sites, and what follows from them."""

    is_whole = False
    written: Mapping[str, str] = {}

    @property
    def covariates(self) -> tuple[str, ...]:
        return tuple(covariate_names(self.sites))

    def column_of(self, site: str) -> str:
        return site


@dataclasses.dataclass
class FakeFit(Fit):
    """Principal components as a fit: p(x) is a factorised Bernoulli, the code a projection."""

    data: Dataset
    kind: str = "exact"
    refused: dict[str, str] = dataclasses.field(default_factory=dict)
    told: bool = False  # whether the guide reads the label
    conditional: bool = False
    seconds: float = 1.5
    weights: str = "f00d"

    def __post_init__(self) -> None:
        self.train = self.data.split("train")
        self.p = (self.train["x"].sum(0) + 1.0) / (len(self.train["x"]) + 2.0)
        self.pca = PrincipalComponents.fit(self.train["x"], 6)
        parents = ("z", "y") if self.conditional else ("z",)
        sites = {"z": Site("z", "latent", ()), "x": Site("x", "observed", parents)}
        model = FakeModel(sites=sites, is_declared=True, _get_name=lambda: "FakeModel")
        self.state = State(model, types.SimpleNamespace(_get_name=lambda: "FakeGuide"))
        self.objective = types.SimpleNamespace(name="FakeObjective(beta=1)")
        self.history = [{"epoch": 1}, {"epoch": 2}]
        self.settings = {"seed": 3}
        self.asked: list[dict[str, Tensor]] = []

    @property
    def num_parameters(self) -> int:
        return 64

    @property
    def weights_digest(self) -> str:
        return self.weights

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def num_dims(self, batch: Any) -> int:
        return 64

    def unanswerable(self, question: str) -> str | None:
        return self.refused.get(question)

    def _must_be_local(self, question: str) -> None:
        raise Unanswerable(f"{question}: nothing draws the latents of a fake", code="U063")

    def log_prob_per_datum(self, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Tensor:
        x = (self.data.split("test") if data is None else data)["x"].double()
        return (x * self.p.log() + (1 - x) * (-self.p).log1p()).flatten(1).sum(1)

    def log_prob(self, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Estimate:
        values = self.log_prob_per_datum(data, num_particles)
        return Estimate(
            values.mean().item(), values.std().item() / math.sqrt(len(values)), kind=self.kind, unit="nats",
            measure=self.data.measure, estimator=f"IWAE-{num_particles}" if self.kind != "exact" else "",
            num_data=len(values), better="higher", of=self.density_of, num_dims=64,
        )  # fmt: skip

    def elbo(self, data: Any = None, num_particles: int = 1, *, seed: int = 0) -> Estimate:
        log_prob = self.log_prob(data)
        return dataclasses.replace(log_prob, value=log_prob.value - 1.0, estimator=f"ELBO-{num_particles}")

    def sample(self, n: int, *, site: Any = None, seed: int = 0, mean: bool = False, **covariates: Tensor) -> Any:
        self.asked.append(covariates)
        x = torch.bernoulli(self.p.expand(n, *self.p.shape), generator=torch.Generator().manual_seed(seed))
        return x if site == "x" else BySite(x=x)

    def encode(self, data: Any = None, *, site: Any = None, seed: int = 0) -> Any:
        code = self.pca.encode(data["x"])
        code = torch.cat([code, data["y"][:, None].double()], dim=1) if self.told else code
        return code if site == "z" else BySite(z=code)

    def reconstruct(self, data: Any = None, *, site: Any = None, seed: int = 0) -> Any:
        x = self.pca.reconstruct(data["x"])
        return x if site == "x" else BySite(x=x)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return ppgen.data.load("digits")


@pytest.fixture(scope="session")
def fake_fit(digits: Dataset) -> Callable[..., FakeFit]:
    return lambda **facts: FakeFit(digits, **facts)


@pytest.fixture(scope="session")
def flat_fit() -> FakeFit:
    """Of vectors without labels, whose features are their own coordinates: no network is trained for them."""
    generator = torch.Generator().manual_seed(0)
    stripes = torch.rand(180, 4, generator=generator).round().repeat_interleave(3, 1)
    flips = (torch.rand(180, 12, generator=generator) < 0.05).float()
    rows = (stripes - flips).abs()
    splits = {name: {"x": rows[60 * place : 60 * place + 60]} for place, name in enumerate(("train", "valid", "test"))}
    return FakeFit(ppgen.data.from_tensors(splits, name="stripes"))


@pytest.fixture(scope="session")
def make_card() -> Callable[..., Scorecard]:
    """A card with a density: per-datum values of a given mean, kind and measure."""

    def make(
        name: str,
        values: np.ndarray | None,
        kind: Any = "exact",
        *,
        measure: str = "binary",
        fingerprint: str = "f00d",
        of: str = "p(x)",
        **facts: Any,
    ) -> Scorecard:
        if values is None:
            return card_of(name, TOY, fingerprint, refusals={"density": "implicit model"})
        estimate = Estimate(
            values.mean(), values.std() / np.sqrt(len(values)), kind=kind, unit="nats", measure=measure,
            estimator="by hand", num_data=len(values), better="higher", of=of,
            **({"low": values.min(), "high": values.max()} if kind == "interval" else {}),
        )  # fmt: skip
        return card_of(name, TOY, fingerprint, density={"log_prob": estimate}, per_datum=values, facts=facts)

    return make
