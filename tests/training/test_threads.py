"""Fits in threads of one process, whose random numbers, checks and handlers they share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pyro
import pytest
import torch

import ppgen
from ppgen.context import alone, seeded, signed_stream
from ppgen.data import Dataset
from ppgen.errors import SettingError
from ppgen.fitted import Fit
from ppgen.models import VAE
from tests.oracles.state import same, state_of

CPU = torch.device("cpu")


def in_threads(*jobs: Callable[[], Any]) -> list[Any]:
    """What each job returns or raises, all begun at once."""
    found: list[Any] = [None] * len(jobs)

    def work(place: int) -> None:
        try:
            found[place] = jobs[place]()
        except Exception as error:
            found[place] = error

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def vae() -> VAE:
    torch.manual_seed(0)
    return VAE((12,), latent_dim=2, hidden=(8,))


def fit(model: VAE, data: Dataset, seed: int, **settings: Any) -> Fit:
    return ppgen.fit(model, data, max_epochs=2, batch_size=16, seed=seed, progress=False, device="cpu", **settings)


def test_fits_in_threads_are_those_of_their_seeds(grey: Dataset) -> None:
    expected = [state_of(fit(vae(), grey, seed)) for seed in (1, 2, 3)]
    models = [vae() for _ in expected]
    outside = torch.get_rng_state()
    jobs = [lambda m=m, s=s: fit(m, grey, s) for s, m in zip((1, 2, 3), models, strict=True)]
    found = in_threads(*jobs)
    assert all(same(state_of(one), state) for one, state in zip(found, expected, strict=True))
    assert torch.equal(torch.get_rng_state(), outside)
    assert not pyro.poutine.runtime._PYRO_STACK


def test_questions_are_answered_beside_a_fit(grey: Dataset, vae_fit: Fit) -> None:
    model = vae()
    expected = vae_fit.elbo(), vae_fit.sample(5).only, state_of(fit(vae(), grey, 1))
    bound, drawn, fitted = in_threads(
        lambda: vae_fit.elbo(), lambda: vae_fit.sample(5).only, lambda: fit(model, grey, 1)
    )
    assert bound == expected[0]
    assert torch.equal(drawn, expected[1])
    assert same(state_of(fitted), expected[2])


def test_a_thread_that_seeds_in_the_middle_of_a_fit_is_refused(grey: Dataset) -> None:
    class Elsewhere(ppgen.Callback):
        """Stands for a moment of another thread that no lock of ours holds back."""

        def step(self, training: Any) -> None:
            if training.step == 3:
                original = training.fit.model.decoder.forward

                def disturbed(z: Any) -> Any:
                    in_threads(lambda: torch.manual_seed(0))
                    return original(z)

                training.fit.model.decoder.forward = disturbed

    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        with pytest.raises(SettingError, match="another thread"):
            fit(vae(), grey, 0, callbacks=[Elsewhere()])
    finally:
        stop.set()
        other.join()


def test_signing_changes_no_number() -> None:
    with seeded(5, CPU):
        expected = torch.randn(3), torch.rand(700)
    with seeded(5, CPU):
        verify = signed_stream()
        assert torch.equal(torch.randn(3), expected[0])
        assert torch.equal(torch.rand(700), expected[1])
        assert in_threads(verify) == [None]
        torch.manual_seed(5)
        assert [type(found) for found in in_threads(verify)] == [SettingError]


def test_a_fork_waits_for_no_thread_that_it_left_behind() -> None:
    entered, stop = threading.Event(), threading.Event()

    def hold() -> None:
        with alone():
            entered.set()
            stop.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    child = os.fork()
    if not child:
        with alone():
            os._exit(7)
    stop.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
