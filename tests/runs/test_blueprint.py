"""How things were made, and are made again."""

from __future__ import annotations

from pathlib import Path
from ppgen import nets
from ppgen.declare import Guide, latent
from ppgen.errors import CheckpointError
from ppgen.guides import FullRank, MeanField
from ppgen.models import VAE
from ppgen.models import VampPriorVAE
from ppgen.runs.blueprint import NoPlanError, decode, encode
from ppgen.runs.blueprint import blueprint, build, example, example_batch
from torch import Tensor, nn
from torch import nn
from typing import Any
import importlib
import json
import ppgen
import pytest
import sys
import torch


NETWORKS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "a gaussian on gated layers": (lambda: nets.Gaussian(nets.GatedMLP([(1, 4, 4)], (6,)), 6, 2), (1, 4, 4)),
    "an image encoder": (lambda: nets.encoder((1, 8, 8), 5), (1, 8, 8)),
    "a vector encoder": (lambda: nets.encoder((7,), 5, (4,)), (7,)),
    "a decoder": (lambda: nets.decoder(3, (1, 8, 8)), (3,)),
    "a smoother": (lambda: nets.Smoother(2, 3, 4), (5, 2)),
    "another activation": (lambda: nets.MLP(3, 2, (4,), activation=nn.Tanh), (3,)),
    "torch's own": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.GroupNorm(1, 2), nn.LeakyReLU(0.3), nn.Flatten(),
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
    arguments = {"posterior": model.posterior, "all": model, "first": model.posterior.body, "n": [1, (2.5, "a")]}
    plan = encode(arguments, model)
    assert plan["posterior"] == {"$model": "posterior"}
    other = VampPriorVAE((1, 4, 4), 2, 3, (5,))
    made = decode(json.loads(json.dumps(plan)), other)
    assert made["posterior"] is other.posterior
    assert made["all"] is other
    assert made["first"] is other.posterior.body
    assert made["n"] == [1, [2.5, "a"]]


def test_a_network_around_a_part_of_the_model_shares_that_part() -> None:
    model = VampPriorVAE((1, 4, 4), 2, 3, (5,))
    again = decode(encode(nets.Gaussian(model.posterior.body, 5, 4), model), model)
    assert again.body is model.posterior.body


class Own(nn.Linear):
    """A network of the user's."""


class Noted(nn.Module):
    pass


UNKNOWN = [Own(2, 2), nn.Sequential(Own(2, 2)), Noted(), lambda: 0, torch.zeros(2), {1: 2}, Own]


@pytest.mark.parametrize("value", UNKNOWN)
def test_what_no_other_process_can_know_is_refused(value: Any) -> None:
    with pytest.raises(NoPlanError):
        encode({"value": value})


def test_a_network_that_was_changed_after_it_was_made_is_refused() -> None:
    network = nets.MLP(2, 2, (3,))
    network[1] = nn.ReLU()
    with pytest.raises(NoPlanError, match="changed"):
        encode(network)


@pytest.mark.parametrize(
    "plan",
    [
        {"$network": "os:system", "arguments": {}},
        {"$network": "torch.nn.modules.linear:math.sqrt", "arguments": {}},
        {"$network": "torch.nn.modules.linear:init", "arguments": {}},
        {"$network": "torch.nn.modules.module:Module", "arguments": {}},
        {"$network": "torch.nn.modules.loss:TripletMarginWithDistanceLoss", "arguments": {"distance_function": "exec"}},
        {"$network": "torch.nn.modules.planted:Planted", "arguments": {}},
        {"$network": "torch.nn.modules.linear:Linear.forward", "arguments": {}},
        {"$network": "ppgen.nets.layers:Nothing", "arguments": {}},
        {"$network": "ppgen.nets.layers:nn.Linear", "arguments": {}},
        {"$network": "ppgen.nets.planted:Planted", "arguments": {}},
        {"$network": "ppgen.models.vae:VAE", "arguments": {}},
        {"$network": 3, "arguments": {}},
        {"$network": ["torch.nn.modules.linear:Linear"], "arguments": {}},
        {"$class": None},
        {"$network": "ppgen.nets.nowhere:MLP", "arguments": {}},
        {"$class": "builtins:eval"},
        {"$model": "no.such.part"},
        {"$model": "weight"},
        {"$model": 3},
    ],
)
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


def test_arguments_that_are_no_data_are_left_out(tmp_path: Path) -> None:
    class Own(nn.Sequential):
        """A network that no other process can know of."""

    plan = blueprint(MeanField(MODEL, encoder=Own(nn.Flatten(), nn.Linear(64, 3))))
    assert plan is not None
    assert plan["arguments"] is None
    with pytest.raises(CheckpointError, match=r"(?s)cannot hold.*ppgen.load\(.*guide=\.\.\."):
        build(plan, "guide", tmp_path, MODEL)
    assert blueprint(None) is None


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("os:mkdir", "model"),
        ("builtins:dict", "model"),
        ("torch.nn:Linear", "model"),
        ("subprocess:Popen", "objective"),
        ("ppgen.objectives:ELBO", "model"),
        ("ppgen.models:VAE", "guide"),
        ("ppgen.models:Nothing", "model"),
        ("ppgen.models:", "model"),
        (":VAE", "model"),
        ("", "model"),
        ("ppgen.models.vae:VAE.__init__.__globals__", "model"),
        ("no_such_module_anywhere:VAE", "model"),
        ("..relative:VAE", "model"),
        ("__main__:VAE", "model"),
        ("ppgen.files:os.system", "model"),
        ("ppgen.cli:main", "model"),
        ("ppgen.cli.source:importlib.import_module", "objective"),
        ("ppgen:Model.__init__", "model"),
        ("ppgen.models:VAE.__base__", "model"),
        ("sys:modules", "model"),
        ("torch.ops:Model", "model"),
        (None, "model"),
        (3, "objective"),
        (["ppgen.models:VAE"], "model"),
        ({"ppgen.models": "VAE"}, "guide"),
    ],
)
def test_only_our_kinds_of_classes_are_made(name: Any, role: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        build({"class": name, "arguments": {}}, role, tmp_path, MODEL)


def test_arguments_that_the_class_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"(?s)cannot be made.*latent_dims"):
        build({"class": "ppgen.models:VAE", "arguments": {"x_shape": [4], "latent_dims": 2}}, "model", tmp_path)


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
