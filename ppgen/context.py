"""Contexts of a block of code: seed, validation, evaluation mode, frozen parameters, preserved state."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator

import pyro
import torch
from pyro.infer.util import is_validation_enabled
from pyro.util import get_rng_state, set_rng_state
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.parameter import is_lazy

from ppgen.arguments import whole_number
from ppgen.errors import SettingError
from ppgen.kept_memory import keep_freed_memory

__all__ = [
    "alone",
    "default_type",
    "evaluating",
    "frozen",
    "preserved_state",
    "reseed",
    "restored",
    "same_weights",
    "seeded",
    "signed_stream",
    "validation",
]

_process = threading.RLock()


def _forget_the_other_threads() -> None:
    """A forked process has one thread: what another held at the fork, nobody would give back."""
    global _process
    _process = threading.RLock()


os.register_at_fork(after_in_child=_forget_the_other_threads)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """A block that no other thread's block interrupts; those wait for one another.

    Random numbers, the checks of distributions and the handlers of Pyro belong to the process: two fits at once would
    draw from one another's noise, and see one another's sites. The contexts here that touch them are each such a block.
    """
    with _process:
        yield


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """A block with random numbers of its own; the states outside are untouched.

    Args:
        seed: of the block.
        device: whose numbers are seeded beside those of the CPU.
    """
    with alone(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        reseed(seed, device)
        yield


def reseed(seed: int, device: torch.device) -> None:
    """Seed the CPU and one device; ``torch.manual_seed`` would seed every GPU of the process.

    Args:
        seed: of both.
        device: the CPU or a CUDA device.

    Raises:
        SettingError: for a seed that is no whole number.
    """
    seed = whole_number("seed", seed, at_least=-(2**63), at_most=2**64 - 1, suggested=0)  # what torch's can be
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


_SIGNATURE = int.from_bytes(b"ppgen", "little")


def signed_stream() -> Callable[[], None]:
    """Sign the CPU's stream of random numbers where it keeps the seed it began with; its numbers stay what they are.

    Locks hold nobody else's code back: a thread that calls ``torch.manual_seed`` to make its own model takes the
    process's one stream away from whoever is drawing from it, and the signature with it.

    Returns:
        What raises a SettingError where the signature is gone, and there are other threads.
    """
    state = torch.get_rng_state()
    state[:8] = torch.tensor(list(_SIGNATURE.to_bytes(8, "little")), dtype=torch.uint8)
    torch.set_rng_state(state)
    return _verify_signature


def _verify_signature() -> None:
    if torch.initial_seed() != _SIGNATURE and threading.active_count() > 1:
        raise SettingError(
            "fit: another thread seeded the random numbers of this process while the fit drew from them",
            expected="nobody else's torch.manual_seed during a fit: its weights would not be those of its seed",
            got="a torch.manual_seed, or the like, in the middle of a step",
            fix="make all models before the first thread begins, or fit in processes instead of threads",
            code="S141",
        )


@contextlib.contextmanager
def evaluating(*modules: nn.Module | None) -> Iterator[None]:
    """No gradients, no checks, evaluation mode; the mode of every submodule is restored after."""
    keep_freed_memory()
    with alone(), _evaluation_mode(*modules), torch.no_grad(), validation(False):
        yield


@contextlib.contextmanager
def _evaluation_mode(*modules: nn.Module | None) -> Iterator[None]:
    with _kept_modes(*modules):
        for module in modules:
            for part in () if module is None else module.modules():
                part.training = False
        yield


@contextlib.contextmanager
def _kept_modes(*modules: nn.Module | None) -> Iterator[None]:
    modes = [(part, part.training) for module in modules if module is not None for part in module.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextlib.contextmanager
def preserved_state(module: nn.Module) -> Iterator[None]:
    """A block that leaves no mark: the module in evaluation mode, no gradient, and all of it put back at the end.

    Put back, bit for bit, are the random states of torch, numpy and Python, the buffers, and the mode of every
    submodule; handlers around the block see none of its sites.
    """
    with (
        _kept_random_state(),
        _kept(module.named_buffers),
        _evaluation_mode(module),
        torch.no_grad(),
        pyro.poutine.block(),
    ):
        yield


@contextlib.contextmanager
def restored(*modules: object) -> Iterator[None]:
    """A block of a user's that may do what it likes: weights, buffers, modes and random states are put back after.

    Args:
        modules: that are put back; what is no module has nothing to put back.
    """
    held = nn.ModuleList([module for module in modules if isinstance(module, nn.Module)])
    with _kept_random_state(), same_weights(held), _kept_modes(*held):
        yield


@contextlib.contextmanager
def same_weights(module: nn.Module) -> Iterator[None]:
    """A block after which parameters and buffers are put back bit for bit; those that it makes stay."""
    with _kept(module.named_parameters), _kept(module.named_buffers):
        yield


@contextlib.contextmanager
def _kept(tensors: Callable[[], Iterable[tuple[str, Tensor]]]) -> Iterator[None]:
    """Tensors by name, put back bit for bit."""
    before = {name: tensor.detach().clone() for name, tensor in tensors() if not is_lazy(tensor)}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, tensor in tensors():
                # Written only where it changed: a graph made before the block may hold it for its gradients.
                if name in before and not torch.equal(tensor, before[name].to(tensor.device)):
                    tensor.copy_(before[name])


@contextlib.contextmanager
def _kept_random_state() -> Iterator[None]:
    with alone():
        random_state = get_rng_state()
        devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
        try:
            with torch.random.fork_rng(devices):
                yield
        finally:
            set_rng_state(random_state)


@contextlib.contextmanager
def validation(enabled: bool) -> Iterator[None]:
    """A block with the argument and support checks of distributions on or off.

    The checks read every parameter of every distribution, a fifth of a small step's time and a device
    synchronisation each on a GPU, so that fitting keeps them for the first step of each batch signature only.
    """
    with alone():
        pyro_before, torch_before = is_validation_enabled(), Distribution._validate_args
        if enabled == pyro_before == torch_before:
            yield
            return
        pyro.enable_validation(enabled)
        Distribution.set_default_validate_args(enabled)
        try:
            yield
        finally:
            pyro.enable_validation(pyro_before)
            Distribution.set_default_validate_args(torch_before)


@contextlib.contextmanager
def default_type(dtype: torch.dtype) -> Iterator[None]:
    """A block in which new real numbers are of this type: those that a program makes without saying of which."""
    with alone():
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


@contextlib.contextmanager
def frozen(*modules: object) -> Iterator[None]:
    """No gradients for the parameters of these modules within the block; gradients pass through them all the same.

    A graph that was built before the block keeps its own gradients. What is no module has no parameters.
    """
    parameters = [
        parameter
        for module in modules
        if isinstance(module, nn.Module)
        for parameter in module.parameters()
        if parameter.requires_grad
    ]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
