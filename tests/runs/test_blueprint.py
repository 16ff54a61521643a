"""How models, guides, objectives and networks were made, as data, and made again."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen import nets
from ppgen.declare import Guide, latent
from ppgen.errors import CheckpointError
from ppgen.guides import FullRank, MeanField
from ppgen.models import VAE, VampPriorVAE
from ppgen.runs.allowed_classes import known_class, public_name
from ppgen.runs.blueprint import NoPlanError, blueprint, build, decode, encode, example, example_batch

NETWORKS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "a gaussian on gated layers": (lambda: nets.Gaussian(nets.GatedMLP([(1, 4, 4)], (6,)), 6, 2), (1, 4, 4)),
    "an image encoder": (lambda: nets.encoder((1, 8, 8), 5), (1, 8, 8)),
    "a smoother": (lambda: nets.Smoother(2, 3, 4), (5, 2)),
    "another activation": (lambda: nets.MLP(3, 2, (4,), activation=nn.Tanh), (3,)),
    "torch's own": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.GroupNorm(1, 2), nn.LeakyReLU(0.3), nn.Tanh(), nn.Flatten(),
            nn.Linear(32, 6), nn.Dropout(0.25), nn.Unflatten(1, (2, 3)),
        ),
        (1, 4, 4),
    ),
}  # fmt: skip


def values_of(made: Any) -> Tensor:
    return made if isinstance(made, Tensor) else made.mean if hasattr(made, "mean") else made.start.mean


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_made_again_from_plain_data(name: str) -> None:
    make, shape = NETWORKS[name]
    network = make().eval()
    state = torch.get_rng_state()
    plan = json.loads(json.dumps(encode(network)))
    assert torch.equal(torch.get_rng_state(), state)
    again = decode(plan).eval()
    assert repr(again) == repr(network)
    again.load_state_dict(network.state_dict())
    x = torch.randn(4, *shape)
    if name != "a smoother":
        assert torch.equal(values_of(again(x)), values_of(network(x)))


def test_a_part_of_the_model_is_shared_not_copied() -> None:
    model = VampPriorVAE((1, 4, 4), 2, 3, (5,))
    around = nets.Gaussian(model.posterior.body, 5, 4)
    arguments = {"posterior": model.posterior, "all": model, "around": around, "n": [1, (2.5, "a")]}
    plan = encode(arguments, model)
    assert plan["posterior"] == {"$model": "posterior"}
    other = VampPriorVAE((1, 4, 4), 2, 3, (5,))
    made = decode(json.loads(json.dumps(plan)), other)
    assert made["posterior"] is other.posterior
    assert made["all"] is other
    assert made["around"].body is other.posterior.body
    assert made["n"] == [1, [2.5, "a"]]


class Own(nn.Linear):
    """A network of the user's."""


class Noted(nn.Module):
    pass


UNKNOWN = [Own(2, 2), nn.LSTM(2, 2), nn.Sequential(Own(2, 2)), Noted(), lambda: 0, torch.zeros(2), {1: 2}, Own]


@pytest.mark.parametrize("value", UNKNOWN)
def test_what_no_other_process_can_know_is_refused(value: Any) -> None:
    with pytest.raises(NoPlanError):
        encode({"value": value})


def test_a_network_that_was_changed_after_it_was_made_is_refused() -> None:
    network = nets.MLP(2, 2, (3,))
    network[1] = nn.ReLU()
    with pytest.raises(NoPlanError, match="changed"):
        encode(network)


FORBIDDEN: list[dict[str, Any]] = [
    {"$network": "os:system", "arguments": {}},
    {"$network": "torch.nn:Module", "arguments": {}},
    {"$network": "torch.nn:TripletMarginWithDistanceLoss", "arguments": {"distance_function": "exec"}},
    {"$network": "torch.nn.modules.linear:init", "arguments": {}},
    {"$network": "torch.nn.modules.planted:Planted", "arguments": {}},
    {"$network": "ppgen.nets:Nothing", "arguments": {}},
    {"$network": "ppgen.nets:layers.nn.Linear", "arguments": {}},
    {"$network": "ppgen.nets:encoder", "arguments": {"x_shape": [4], "features": 2}},
    {"$network": "ppgen.nets.planted:Planted", "arguments": {}},
    {"$network": "ppgen.models:VAE", "arguments": {}},
    {"$network": ["torch.nn:Linear"], "arguments": {}},
    {"$class": None}, {"$class": "builtins:eval"}, {"$model": "no.such.part"}, {"$model": "weight"}, {"$model": 3},
]  # fmt: skip


@pytest.mark.parametrize("plan", FORBIDDEN)
def test_only_networks_are_made(plan: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('executed')")
    for package in (nets, nn.modules):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    with pytest.raises(NoPlanError):
        decode(plan, nn.Linear(1, 1))


def test_finding_a_part_of_the_model_computes_nothing() -> None:
    class Guarded(nn.Module):
        @property
        def part(self) -> nn.Module:
            raise SystemExit("executed")

    with pytest.raises(NoPlanError, match="no part"):
        decode({"$model": "part"}, Guarded())


class Wide(MeanField):
    """A family of ones own, with an argument of its own."""

    def __init__(self, model: Any, factor: int = 1) -> None:
        super().__init__(model, width=8 * factor)


class Encoder(Guide):
    """A guide of ones own."""

    def __init__(self, x_dim: int) -> None:
        super().__init__()
        self.net = nn.Linear(x_dim, 4)

    @latent
    def z(self, x: Any) -> Any:
        loc, raw = self.net(x.flatten(1)).chunk(2, -1)
        return torch.distributions.Normal(loc, raw.exp())


MODEL = VAE((1, 8, 8), latent_dim=2, hidden=(4,))
THINGS = [
    pytest.param(MODEL, "model", {"x_shape": [1, 8, 8], "latent_dim": 2, "hidden": [4]}, id="model"),
    pytest.param(FullRank(MODEL, width=9), "guide", {"model": {"$model": ""}, "width": 9}, id="derived guide"),
    pytest.param(Wide(MODEL, 2), "guide", {"model": {"$model": ""}, "factor": 2}, id="derived guide of ones own"),
    pytest.param(Encoder(64), "guide", {"x_dim": 64}, id="declared guide"),
    *(
        pytest.param(objective, "objective", objective.settings(), id=objective.name)
        for objective in (
            ppgen.ELBO(4.0, warmup=2),
            ppgen.ELBO(capacity=25.0, warmup=50),
            ppgen.IWAE(5, gradient="dreg"),
            ppgen.TotalCorrelation(6.0),
            ppgen.WakeSleep(5, guide_phase="both"),
        )
    ),
]


@pytest.mark.parametrize(("made", "role", "arguments"), THINGS)
def test_it_is_made_again_from_plain_data(made: Any, role: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    plan = json.loads(json.dumps(blueprint(made, MODEL if role == "guide" else None)))
    assert plan["arguments"] == arguments
    again = build(plan, role, tmp_path, MODEL)
    assert type(again) is type(made)
    if isinstance(made, nn.Module):
        shapes = {name: value.shape for name, value in made.state_dict().items()}
        assert {name: value.shape for name, value in again.state_dict().items()} == shapes
    else:
        assert again.settings() == made.settings()


STRANGERS: dict[str, list[Any]] = {
    "model": [
        "os:mkdir", "torch.nn:Linear", "ppgen.objectives:ELBO", "ppgen.models:Nothing", "ppgen.models:", ":VAE",
        "ppgen.models.vae:VAE.__init__.__globals__", "no_such_module_anywhere:VAE", "..relative:VAE", "__main__:VAE",
        "ppgen.files:os.system", "ppgen.cli:main", "ppgen.models:VAE.__base__", "sys:modules", "torch.ops:Model",
        None, ["ppgen.models:VAE"],
    ],
    "guide": ["ppgen.models:VAE", {"ppgen.models": "VAE"}],
    "objective": ["subprocess:Popen", "ppgen.cli.source:importlib.import_module", 3],
}  # fmt: skip


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in STRANGERS.items() for name in names])
def test_only_our_kinds_of_classes_are_made(name: Any, role: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        build({"class": name, "arguments": {}}, role, tmp_path, MODEL)


def test_arguments_that_the_class_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"(?s)cannot be made.*latent_dims"):
        build({"class": "ppgen.models:VAE", "arguments": {"x_shape": [4], "latent_dims": 2}}, "model", tmp_path)


@pytest.mark.parametrize("package", [ppgen.models, ppgen.guides, ppgen.objectives, nets])
def test_our_classes_are_named_by_the_package_that_exports_them(package: Any) -> None:
    """Not by their file, which may move; and the name leads back to the class."""
    for name in package.__all__:
        if isinstance(kind := getattr(package, name), type):
            assert public_name(kind) == f"{package.__name__}:{name}"
            assert known_class(public_name(kind), (object,)) is kind
    assert public_name(nn.Linear) == "torch.nn:Linear"
    assert public_name(Own) == f"{__name__}:Own"


MODEL_CODE = """
import pathlib
pathlib.Path(__file__).with_name("executed").touch()
from ppgen.models import VAE
class Trap(VAE): ...
"""


@pytest.mark.parametrize("name", ["trap:Trap", "package:Trap", "package.trap:Trap", "spaces.trap:Trap"])
def test_a_plan_imports_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a package on the way to a module; what the user imports is there."""
    for file in ("trap.py", "package/__init__.py", "package/trap.py", "spaces/trap.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(MODEL_CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    plan = {"class": name, "arguments": {"x_shape": [4]}}
    before = set(sys.modules)
    with pytest.raises(CheckpointError, match=r"(?s)never decides what is imported.*model=\.\.\..*--model FILE"):
        build(plan, "model", tmp_path / "run")
    assert not list(tmp_path.rglob("executed"))
    try:
        importlib.import_module(name.partition(":")[0])
        assert type(build(plan, "model", tmp_path / "run")).__name__ == "Trap"
    finally:
        for module in set(sys.modules) - before:
            if module.partition(".")[0] in ("trap", "package", "spaces"):
                del sys.modules[module]


def test_a_class_of_the_program_itself_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(VAE):
        pass

    monkeypatch.setattr(sys.modules["__main__"], "Mine", Mine, raising=False)
    assert type(build({"class": "__main__:Mine", "arguments": {"x_shape": [4]}}, "model", tmp_path)) is Mine


def test_an_example_is_shapes_types_and_largest_labels() -> None:
    batch = {"x": torch.rand(5, 1, 4, 4), "y": torch.tensor([0, 3, 1, 1, 2]), "m": torch.rand(5, 2) > 0.5}
    saved = json.loads(json.dumps(example(batch)))
    again = example_batch(saved)
    assert {name: (t.shape[1:], t.dtype) for name, t in again.items()} == {
        name: (t.shape[1:], t.dtype) for name, t in batch.items()
    }
    assert again["y"].tolist() == [3, 3]
    assert len(again["x"]) == 2
