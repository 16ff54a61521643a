from __future__ import annotations

import pytest
import torch

from ppgen.fitting.noise import reseed, seeded

CPU = torch.device("cpu")


def test_seeded_blocks_are_alike_and_alone() -> None:
    state = torch.get_rng_state()
    draws = []
    for seed in (5, 5, 6):
        with seeded(seed, CPU):
            draws.append(torch.rand(3))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_the_state_comes_back_after_an_error() -> None:
    state = torch.get_rng_state()
    with pytest.raises(KeyError), seeded(5, CPU):
        raise KeyError
    assert torch.equal(torch.get_rng_state(), state)


def test_numbers_are_those_of_torchs_own_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("other devices are not ours"))
    reseed(7, CPU)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_device_has_its_own() -> None:
    device = torch.device("cuda")
    state = torch.cuda.get_rng_state(device)
    draws = []
    for _ in range(2):
        with seeded(5, device):
            draws.append(torch.rand(3, device=device))
    assert torch.equal(*draws)
    assert torch.equal(torch.cuda.get_rng_state(device), state)
    with seeded(5, CPU):
        torch.rand(3)
    assert torch.equal(torch.cuda.get_rng_state(device), state)
