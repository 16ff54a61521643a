"""A command line to talk to, and a few small runs to talk about."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ppgen.cli import commands

Ppgen = Callable[..., Result]

OWN = '''
import ppgen
import pyro.distributions as dist
import torch

class Tiny(ppgen.Model):
    """z ~ Normal(0, I);  x | z ~ Bernoulli(decoder(z))."""
    def __init__(self, x_shape, latent_dim=2):
        super().__init__()
        self.latent_dim, self.x_shape = latent_dim, x_shape
        self.decoder = torch.nn.Linear(latent_dim, 64)
    @ppgen.latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([self.latent_dim]).to_event(1)
    @ppgen.observed
    def x(self, z):
        return dist.Bernoulli(logits=self.decoder(z).reshape(*z.shape[:-1], *self.x_shape)).to_event(3)

class Encoder(ppgen.Guide):
    def __init__(self, x_shape, width=1.0):
        super().__init__()
        self.network, self.width = torch.nn.Linear(64, 2), width
    @ppgen.latent
    def z(self, x):
        return dist.Normal(self.network(x.flatten(1)), self.width).to_event(1)
'''

PAIR = """
import pyro, pyro.distributions as dist, torch, ppgen
def make(start=0.0):
    def model(x):
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Bernoulli(logits=z[:, None, None, None].expand(x.shape)).to_event(3), obs=x)
    def guide(x):
        loc = pyro.param("loc", torch.tensor(start))
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(loc, 1.0))
    return ppgen.Program(model, guide)
"""


def ppgen(*words: object) -> Result:
    """Run a command in this process; what it raised beyond its own endings is raised here."""
    result = CliRunner().invoke(commands, [str(word) for word in words], prog_name="ppgen")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(name="ppgen")
def _ppgen() -> Ppgen:
    return ppgen


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, new, with two files of the user's; what is loaded from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_models.py").write_text(OWN)
    (tmp_path / "pair.py").write_text(PAIR)
    before = set(sys.modules)
    yield tmp_path
    forget(before, tmp_path)


def forget(before: set[str], folder: Path) -> None:
    """Drop modules that came from files below ``folder``, as a new process would have them dropped."""
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``runs/`` with three fits of one epoch, two of them evaluated."""
    folder = tmp_path_factory.mktemp("fitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("vae", "cvae", "pixelcnn"):
            assert ppgen("fit", name, "--epochs", 1, "--out", f"runs/{name}").exit_code == 0
        assert ppgen("evaluate", "runs/vae", "runs/cvae", "--particles", 5).exit_code == 0
    return folder / "runs"


@pytest.fixture
def runs(fitted: Path, here: Path) -> Path:
    """A copy of those runs in the current folder."""
    shutil.copytree(fitted, here / "runs")
    return Path("runs")


@pytest.fixture(scope="session")
def fitted_own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ``my_models.py``, fitted elsewhere."""
    folder, before = tmp_path_factory.mktemp("own"), set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", list(sys.path))
        (folder / "my_models.py").write_text(OWN)
        words = ["--guide", "my_models.py:Encoder", "--set", "latent_dim=2", "--epochs", 1, "--out", "own"]
        assert ppgen("fit", "my_models.py:Tiny", *words).exit_code == 0
    forget(before, folder)
    return folder / "own"
