"""Scorecards made by hand, fits made in a second, and a reader of pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch

import ppgen
from ppgen.estimate import Estimate
from ppgen.evaluation import Comparison, DataSplit, Scorecard
from tests.oracles.cards import card_of

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """An HTML page as a tree walk: its text, its tags with attributes, and whether every tag is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice")
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", " ".join(data.split())))

    @property
    def text(self) -> str:
        return " ".join(text for tag, text in self.texts if tag not in ("style", "title"))

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


@pytest.fixture
def read() -> Callable[[str], Page]:
    return Page


def nats(value: float, kind: Any = "lower bound", measure: str = "binary", of: str = "p(x)") -> Estimate:
    estimator = "log p(x)" if kind == "exact" else "IWAE-100"
    return Estimate(value, 0.2, kind, "nats", measure=measure, estimator=estimator, num_data=50, better="higher", of=of)


def card(
    name: str, log_prob: float | None = None, kind: Any = "lower bound", of: str = "p(x)", **changes: Any
) -> Scorecard:
    """A plausible scorecard; with a density, one log-probability for each of 50 data points."""
    kid = Estimate(0.02, 0.004, "unbiased", estimator="cubic MMD²", num_data=50, better="lower")
    floor = Estimate(0.001, 0.002, "unbiased", estimator="cubic MMD²", num_data=50, better="lower")
    settings: dict[str, Any] = {
        "data": DataSplit("digits", 50),
        "fingerprint": "f00d",
        "sampling": {"kid": kid},
        "baselines": {"kid real/real": floor},
        "refusals": {"representation": "no representation: the model has no latent variables"},
        "facts": {"model": "VAE", "guide": None, "objective": "ELBO()", "num_parameters": 41234, "seconds": 8.26},
    }
    if log_prob is None:
        settings["refusals"] = {**settings["refusals"], "density": "no density: implicit model"}
    else:
        noise = np.random.default_rng(len(name)).normal(size=50)
        settings["density"] = {"log_prob": nats(log_prob, kind, of=of)}
        settings["per_datum"] = log_prob + noise - noise.mean()
        settings["baselines"]["log_prob factorised Bernoulli"] = nats(-28.0, "exact")
    return card_of(name, **{**settings, **changes})


@pytest.fixture
def make_card() -> Callable[..., Scorecard]:
    return card


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """A lower bound above an exact value, which shows an order, and another below it, which shows none."""
    cards = [card("pixelcnn", -21.0, "exact"), card("vae", -19.8), card("beta-vae", -22.4), card("gan")]
    return Comparison({each.name: each for each in cards})


@pytest.fixture(scope="session")
def fits() -> Mapping[str, Any]:
    """Four fits of an epoch or two: with a code, conditional, without latents, implicit."""
    shape = (1, 8, 8)
    torch.manual_seed(0)
    models = {
        "vae": ppgen.models.VAE(shape, latent_dim=4, hidden=[16]),
        "cvae": ppgen.models.ConditionalVAE(shape, latent_dim=2, hidden=[16]),
        "pixelcnn": ppgen.models.GatedPixelCNN(shape, hidden=4, num_layers=1),
        "gan": ppgen.models.GAN(shape, latent_dim=4, hidden=[16]),
    }
    return {
        name: ppgen.fit(model, data="digits", max_epochs=2, batch_size=256, progress=False, device="cpu")
        for name, model in models.items()
    }


@pytest.fixture(scope="session")
def fit_to_a_line() -> Any:
    """A fit to numbers."""
    torch.manual_seed(0)
    model = ppgen.models.VAE((1,), latent_dim=1, hidden=[8], likelihood=ppgen.nets.GaussianLikelihood((1,)))
    points = {"x": torch.linspace(-1.0, 1.0, 200).unsqueeze(-1)}
    return ppgen.fit(model, points, max_epochs=1, progress=False, device="cpu")


@pytest.fixture(scope="session")
def fit_of_pairs() -> Any:
    """A fit that translates: the halves of digits into digits."""
    torch.manual_seed(0)
    pairs = ppgen.data.paired(ppgen.data.load("digits", binarize=None), "half")
    model = ppgen.models.Pix2Pix((1, 8, 8), 1, (4, 4))
    objective = ppgen.objectives.PairedTranslation()
    return ppgen.fit(model, pairs, objective=objective, max_epochs=1, progress=False, device="cpu")
