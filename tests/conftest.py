"""Every test starts from the same random state, on one thread, and leaves the process as it found it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

# Results depend on the number of threads; a test's own child processes inherit the same one.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "agg"

import pyro
import pytest
import torch
from hypothesis import settings
from pyro.poutine.runtime import _PYRO_STACK

from tests.oracles.small_fits import float64, grey, noisy_fit, vae_fit

__all__ = ["float64", "grey", "noisy_fit", "vae_fit"]

# A slow machine is no failing test, and a failing example must be the same one on every machine.
settings.register_profile("ppgen", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("full", settings.get_profile("ppgen"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ppgen"))


def world() -> dict[str, Any]:
    """The global state that a library could leave changed behind a user's back."""
    plots = sys.modules.get("matplotlib.pyplot")
    return {
        "pyro.settings": pyro.settings.get(),
        "pyro parameter store": sorted(pyro.get_param_store().keys()),
        "pyro handler stack": list(_PYRO_STACK),
        "torch.distributions validation": torch.distributions.Distribution._validate_args,
        "torch default dtype": torch.get_default_dtype(),
        "torch threads": torch.get_num_threads(),
        "torch gradient mode": torch.is_grad_enabled(),
        "torch deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch matmul precision": torch.get_float32_matmul_precision(),
        "open figures": list(plots.get_fignums()) if plots else [],
        "working directory": os.getcwd(),
    }


def restore(before: dict[str, Any]) -> None:
    """Put the world back, so that one test's leak is one failure and not a hundred."""
    pyro.clear_param_store()
    _PYRO_STACK.clear()
    pyro.settings.set(**before["pyro.settings"])
    torch.distributions.Distribution.set_default_validate_args(before["torch.distributions validation"])
    torch.set_default_dtype(before["torch default dtype"])
    torch.set_num_threads(before["torch threads"])
    torch.set_grad_enabled(before["torch gradient mode"])
    torch.use_deterministic_algorithms(before["torch deterministic algorithms"])
    torch.set_float32_matmul_precision(before["torch matmul precision"])
    if plots := sys.modules.get("matplotlib.pyplot"):
        plots.close("all")
    os.chdir(before["working directory"])


@pytest.fixture(autouse=True)
def same_world() -> Iterator[None]:
    """Seed before the test; afterwards fail it if it left the process changed."""
    torch.set_num_threads(1)
    pyro.set_rng_seed(0)
    before = world()
    yield
    after = world()
    leaks = [f"{name}: {before[name]!r} became {after[name]!r}" for name in before if before[name] != after[name]]
    if leaks:
        restore(before)
        pytest.fail("the test left the process changed\n  " + "\n  ".join(leaks), pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What ppgen caches goes to a folder of this test run, never to the home folder.

    Whoever sets $PPGEN_DATA has data sets there that the tests may read.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PPGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        if "PPGEN_DATA" not in os.environ:
            patch.setenv("PPGEN_DATA", str(tmp_path_factory.mktemp("data")))
        yield
