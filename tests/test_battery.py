"""What every public model and every public network owes its users, whatever it computes."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro.infer import Predictive
from torch import Tensor, nn

import ppgen
from ppgen import guides, models, nets
from ppgen.by_site import BySite
from ppgen.errors import Unanswerable
from ppgen.fitted import Fit
from ppgen.inference.bound import elbo_parts
from ppgen.runs.blueprint import blueprint, build

X = (1, 8, 8)
ROWS, SIZE = 8, 40
Batch = dict[str, Tensor]


def mean_field(model: Any) -> Any:
    return guides.MeanField(model, width=16)


def shared(model: Any) -> Any:
    return guides.NetworkGuide(model.posterior)


def shared_hierarchy(model: Any) -> Any:
    return guides.TwoLevelNetworkGuide(model.posterior, nets.Gaussian(nets.GatedMLP([X, (3,)], (16,)), 16, 4))


def clustered(model: Any) -> Any:
    return guides.Clustered(model, nets.Gaussian(nets.encoder(X, 16), 16, 3))


def relaxed_code(model: Any) -> Any:
    return guides.RelaxedCode(nets.GridEncoder(X, 5, 2, 8), model.codebook)


@dataclass(frozen=True)
class Case:
    """A small model, what its text starts with, its proper guide, and the data that it is fitted to."""

    make: Callable[[], Any]
    story: str
    guide: Callable[[Any], Any] | None = mean_field
    kind: str = "images"
    steps: tuple[Any, ...] = ()
    objective: ppgen.Objective | None = None
    derives: bool = True  # whether any guide can be derived for it, and not its proper one alone

    def pair(self) -> tuple[Any, Any]:
        model = self.make()
        return model, self.guide(model) if self.guide else None

    def derived(self, model: Any, batch: Batch) -> Any:
        """A guide that is derived for the model, if there can be one; else its proper one."""
        return mean_field(model).setup(batch) if self.derives or self.guide is None else self.guide(model)


MODELS = {
    "Autoencoder": Case(
        lambda: models.Autoencoder(X, 3, (16,)), "p(z) p(x | z)",
        lambda model: guides.Delta(model, width=16), objective=ppgen.ELBO(0.0)),
    "BayesianLogisticRegression": Case(
        lambda: models.BayesianLogisticRegression(64, 10), "p(weights) p(y | weights, x)", kind="vectors"),
    "ConditionalAutoregressive": Case(
        lambda: models.ConditionalAutoregressive(X, nets.GatedPixelCNN(X, 4, 1, context_dim=10)), "p(x | y)", None),
    "ConditionalGAN": Case(
        lambda: models.ConditionalGAN(X, 10, 4, (16,)), "p(z) p(x | z, y)", None,
        objective=ppgen.Adversarial(nets.ProjectionCritic(X, 10, (4,), 8))),
    "ConditionalTokens": Case(
        lambda: models.ConditionalTokens(nets.TokenLSTM(8, 4, 8, 1, 10)), "p(x | y, x_lengths)", None, "tokens"),
    "ConditionalVAE": Case(lambda: models.ConditionalVAE(X, 10, 3, (16,)), "p(z) p(x | z, y)"),
    "CycleGAN": Case(lambda: models.CycleGAN(X, X, 4, 1), "p(to_b | a) p(to_a | b)", None, "domains"),
    "DeepMarkovModel": Case(
        lambda: models.DeepMarkovModel((8, 8), latent_dim=3, hidden=16), "p(z) p(x | z, x_lengths)",
        lambda _: guides.NetworkGuide(nets.Smoother(8, 3, 16)), "rows"),
    "DiagonalBiLSTM": Case(lambda: models.DiagonalBiLSTM(X, 4, 1), "p(x)", None),
    "DiscreteVAE": Case(lambda: models.DiscreteVAE(X, 3, 4, (16,)), "p(c1) p(c2 | c1) p(x | c1, c2)"),
    "FactorAnalysis": Case(
        lambda: models.FactorAnalysis(64, 2), "p(loadings) p(location) p(noise) p(z) p(x", kind="vectors"),
    "FlowPriorVAE": Case(
        lambda: models.FlowPriorVAE(X, 3, num_transforms=2, width=16, hidden=(16,)), "p(z) p(x | z)",
        lambda model: guides.Flow(model, transforms=1, context=8, width=16)),
    "FullyVisibleBeliefNetwork": Case(lambda: models.FullyVisibleBeliefNetwork(X), "p(x)", None),
    "BlockPixelCNN": Case(lambda: models.BlockPixelCNN(X, 8, 1), "p(x)", None),
    "GAN": Case(lambda: models.GAN(X, 4, (16,)), "p(z) p(x | z)", None),
    "HierarchicalVAE": Case(
        lambda: models.HierarchicalVAE(X, (4, 3), width=16, hidden=(16,)), "p(z2) p(z1 | z2) p(x | z1",
        lambda model: guides.Structured(model, width=16)),
    "LadderVAE": Case(
        lambda: models.LadderVAE(X, (4, 3, 2), width=16, hidden=(16,)), "p(z3) p(z2 | z3) p(z1 |",
        lambda model: guides.Structured(model, order="model", width=16)),
    "MADE": Case(lambda: models.MADE(X, (16,), num_masks=2, order="random"), "p(x)", None),
    "ImageTransformer": Case(lambda: models.ImageTransformer(X, 8, 1, 2), "p(x)", None),
    "MaskedVAE": Case(
        lambda: models.MaskedVAE(X, 3, 16, (16,)), "p(z | given, mask) p(x | z, given, mask)",
        steps=(["quadrants", {"observed": 1}],)),
    "MixtureVAE": Case(
        lambda: models.MixtureVAE(X, num_clusters=3, latent_dim=3, hidden=(16,)), "p(c) p(z | c) p(x | z)", clustered),
    "GatedPixelCNN": Case(lambda: models.GatedPixelCNN(X, 8, 1), "p(x)", None),
    "Pix2Pix": Case(
        lambda: models.Pix2Pix(X, 1, (8, 8)), "p(x | given)", None, steps=(["paired", {"task": "half"}],)),
    "PixelCNN": Case(lambda: models.PixelCNN(X, 4, 1), "p(x)", None),
    "PixelCNNPlusPlus": Case(lambda: models.PixelCNNPlusPlus(X, 4, 1, 2), "p(x)", None),
    "PixelVAE": Case(lambda: models.PixelVAE(X, 3, 1, 8, 3, 16), "p(z) p(x | z)"),
    "RowLSTM": Case(lambda: models.RowLSTM(X, 4, 1), "p(x)", None),
    "SemiSupervisedVAE": Case(
        lambda: models.SemiSupervisedVAE(X, 10, 3, (16,)), "p(y) p(z) p(x | y, z)",
        steps=(["partial_labels", {"per_class": 2}],)),
    "TableVAE": Case(
        lambda: models.TableVAE({"x": nets.GaussianLikelihood((64,))}, 3, (16,)), "p(z) p(x | z)", kind="vectors"),
    "TokenLSTM": Case(lambda: models.TokenLSTM(8, 4, 8), "p(x | x_lengths)", None, "tokens"),
    "TokenTransformer": Case(lambda: models.TokenTransformer(8, 4, 8, 1, 2), "p(x | x_lengths)", None, "tokens"),
    "VAE": Case(lambda: models.VAE(X, 3, (16,)), "p(z) p(x | z)"),
    "VQVAE": Case(
        lambda: models.VQVAE(X, 5, 3, width=8), "p(z) p(x | z)", relaxed_code,
        objective=ppgen.GumbelSoftmax(), derives=False),
    "VampPriorHierarchicalVAE": Case(
        lambda: models.VampPriorHierarchicalVAE(X, (4, 3), num_components=5, hidden=(16, 16)),
        "p(z2) p(z1 | z2) p(x | z1, z2)", shared_hierarchy),
    "VampPriorVAE": Case(
        lambda: models.VampPriorVAE(X, latent_dim=3, num_components=5, hidden=(16, 16)), "p(z) p(x | z)", shared),
}  # fmt: skip


class Whole(nn.Sequential):
    """A network over tokens 0 to 3, given real numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return self[0](x.mul(4.0).floor().remainder(4.0))


# A network, and the shapes of its inputs.
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[tuple[int, ...], ...]]] = {
    "Codebook": (lambda: nets.Codebook(5, 3), ((3, 2, 4),)),
    "Critic": (lambda: nets.critic((1, 8, 8)), ((1, 8, 8),)),
    "DiagonalBiLSTM": (lambda: nets.DiagonalBiLSTM((1, 6, 6), hidden=4, num_layers=2), ((1, 6, 6),)),
    "Flow": (lambda: nets.Flow(2, 3, num_transforms=2, hidden=(8,)), ((3,),)),
    "FullyVisibleBeliefNetwork": (lambda: nets.FullyVisibleBeliefNetwork((2, 3, 3)), ((2, 3, 3),)),
    "GatedMLP": (lambda: nets.GatedMLP([(2, 3), (4,)], (8, 5)), ((2, 3), (4,))),
    "GatedTransition": (lambda: nets.GatedTransition(3, 8), ((3,),)),
    "Gaussian": (lambda: nets.Gaussian(nets.MLP(6, 5), 5, 3), ((6,),)),
    "GridDecoder": (lambda: nets.GridDecoder(3, (2, 9, 8), 2, 4), ((3, 3, 2),)),
    "GridEncoder": (lambda: nets.GridEncoder((2, 9, 8), 3, 2, 4), ((2, 9, 8),)),
    "ImageDecoder": (lambda: nets.decoder(4, (2, 9, 8)), ((4,),)),
    "InBlocks": (lambda: nets.InBlocks(nets.GatedPixelCNN((4, 2, 3), 4, 1, num_parameters=16)), ((1, 24),)),
    "ImageEncoder": (lambda: nets.encoder((2, 9, 8), 5), ((2, 9, 8),)),
    "MADE": (lambda: nets.MADE((2, 3, 3), (16, 12)), ((2, 3, 3),)),
    "ImageTransformer": (lambda: nets.ImageTransformer((1, 6, 6), 8, 2, 2, block=(2, 4)), ((1, 6, 6),)),
    "OverCodes": (lambda: Whole(nets.OverCodes(nets.GatedPixelCNN((4, 3, 3), 4, 1, num_parameters=4))), ((1, 3, 3),)),
    "JoiningCritic": (lambda: nets.JoiningCritic((2, 9, 8), 3, (4, 6), 5), ((2, 9, 8), (3,))),
    "MLP": (lambda: nets.MLP(6, 3), ((6,),)),
    "MaskedConv2d": (lambda: nets.MaskedConv2d(2, 3, 3, "vertical", "B"), ((2, 5, 5),)),
    "ModulatedDecoder": (lambda: nets.ModulatedDecoder(4, 3, (2, 9, 8), batch_norm=False), ((4,), (3,))),
    "GatedPixelCNN": (lambda: nets.GatedPixelCNN((1, 6, 6), hidden=4, num_layers=2), ((1, 6, 6),)),
    "PatchCritic": (lambda: nets.PatchCritic((2, 9, 8), 1, (4, 6)), ((2, 9, 8), (1, 9, 8))),
    "PixelCNN": (lambda: nets.PixelCNN((1, 6, 6), hidden=3, num_layers=2), ((1, 6, 6),)),
    "PixelCNNPlusPlus": (lambda: nets.PixelCNNPlusPlus((1, 5, 6), hidden=3, num_blocks=1), ((1, 5, 6),)),
    "ProjectionCritic": (lambda: nets.ProjectionCritic((2, 9, 8), 3, (4, 6), 5), ((2, 9, 8), (3,))),
    "PseudoInputs": (lambda: nets.PseudoInputs(4, (2, 3)), ()),
    "ResidualBlock": (lambda: nets.ResidualBlock(6, 4), ((6,),)),
    "ResidualDecoder": (lambda: nets.ResidualDecoder(4, (2, 9, 8), (4, 6)), ((4,),)),
    "ResidualCritic": (lambda: nets.ResidualCritic((2, 9, 8), (4, 6)), ((2, 9, 8),)),
    "AffineTranslator": (lambda: nets.AffineTranslator((2, 9, 8), 3, 4, 1), ((2, 9, 8),)),
    "ResidualTranslator": (lambda: nets.ResidualTranslator((2, 9, 8), 3, 4, 1), ((2, 9, 8),)),
    "RowLSTM": (lambda: nets.RowLSTM((1, 6, 6), hidden=4, num_layers=2), ((1, 6, 6),)),
    "SkipPixelCNN": (lambda: nets.SkipPixelCNN((1, 6, 6), hidden=3, num_layers=2), ((1, 6, 6),)),
    "SequenceEncoder": (lambda: nets.SequenceEncoder((4, 3), 5), ((4, 3),)),
    "Smoother": (lambda: nets.Smoother(3, 2, hidden=8), ((4, 3),)),
    "TextContext": (lambda: Whole(nets.TextContext(4, 3, 5)), ((6,),)),
    "TokenLSTM": (lambda: Whole(nets.TokenLSTM(6, 4, 8)), ((6,),)),
    "TokenTransformer": (lambda: Whole(nets.TokenTransformer(6, 4, 8, 2, 2)), ((6,),)),
    "UNet": (lambda: nets.UNet((2, 9, 8), 3, (4, 6, 6)), ((2, 9, 8),)),
    "VectorDecoder": (lambda: nets.decoder(4, (6,)), ((4,),)),
    "VectorEncoder": (lambda: nets.encoder((6,), 5), ((6,),)),
}

every_model = pytest.mark.parametrize("name", MODELS)
every_network = pytest.mark.parametrize("name", NETWORKS)


def modules(package: Any) -> set[str]:
    public = {name: getattr(package, name) for name in package.__all__}
    made = {name: kind for name, kind in public.items() if isinstance(kind, type) and not inspect.isabstract(kind)}
    return {name for name, kind in made.items() if issubclass(kind, nn.Module)}


def test_no_public_class_is_left_out() -> None:
    assert modules(models) == set(models.__all__) == set(MODELS)
    likelihoods = {name for name in modules(nets) if issubclass(getattr(nets, name), nets.Likelihood)}
    assert modules(nets) == set(NETWORKS) | likelihoods, "these give distributions: tests/nets/test_likelihoods.py"


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    """The default dtype, in which networks are made and priors such as ``dist.Normal(0.0, 1.0)`` are drawn."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


def assert_finite_gradients_everywhere(module: nn.Module) -> None:
    for key, parameter in module.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


# Networks -------------------------------------------------------------------------------------------------------------


def inputs(name: str) -> list[Tensor]:
    return [torch.randn(5, *shape) for shape in NETWORKS[name][1]]


def answer(network: nn.Module, given: list[Tensor]) -> Tensor:
    """What a network returns; of a distribution, its log-density at one point."""
    out = network(*given)
    if isinstance(out, Tensor):
        return out
    return out.log_prob(torch.full(out.batch_shape + out.event_shape, 0.5).to(given[0]))


@every_network
def test_a_networks_gradients_are_finite_and_reach_every_parameter(name: str, dtype: torch.dtype) -> None:
    network = NETWORKS[name][0]()
    value = answer(network, inputs(name))
    assert value.dtype == dtype
    value.square().sum().backward()
    assert_finite_gradients_everywhere(network)


@every_network
def test_a_networks_answer_is_the_same_in_double_precision(name: str) -> None:
    network, given = NETWORKS[name][0](), inputs(name)
    single = answer(network, given).double()
    double = answer(network.double(), [x.double() for x in given])
    torch.testing.assert_close(single, double, rtol=1e-4, atol=1e-4)


@every_network
def test_a_networks_answer_depends_on_input_and_state_alone(name: str) -> None:
    # No dropout and no batch statistics: the density of a datum does not depend on the mode or on its neighbours.
    network, given = NETWORKS[name][0](), inputs(name)
    before, copies = copy.deepcopy(network.state_dict()), [x.clone() for x in given]
    value = answer(network.train(), given)
    assert torch.equal(value, answer(network.eval(), given))
    if given:
        torch.testing.assert_close(value[:2], answer(network, [x[:2] for x in given]))
    assert all(torch.equal(x, original) for x, original in zip(given, copies, strict=True))
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    other.load_state_dict(before)
    assert torch.equal(answer(other, given), value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_network
def test_a_network_gives_on_the_gpu_what_it_gives_on_the_processor(name: str) -> None:
    network, given = NETWORKS[name][0]().double(), [x.double() for x in inputs(name)]
    expected = answer(network, given)
    torch.testing.assert_close(answer(network.cuda(), [x.cuda() for x in given]).cpu(), expected)


# Models ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A few digits as images of bits, as grey vectors, and as sequences of rows and of tokens, the rows' ink.

    Runs on them can be loaded again.
    """
    digits = ppgen.data.load("digits", binarize=None).split("train")
    x, y = digits["x"][:240].numpy(), digits["y"][:240].numpy()
    folder = tmp_path_factory.mktemp("digits")
    arrays = {"images": (x > 0.5).astype(np.float32), "vectors": x.reshape(-1, 64), "rows": x[:, 0]}
    arrays["negatives"] = 1.0 - arrays["images"]
    arrays["tokens"] = np.floor(4.0 * x[:, 0].mean(2)).astype(np.float32)
    for kind, values in arrays.items():
        np.savez(folder / f"{kind}.npz", x=values, y=y)
    return {kind: folder / f"{kind}.npz" for kind in arrays}


def dataset(name: str, files: Mapping[str, Path]) -> ppgen.data.Dataset:
    kind = MODELS[name].kind
    place = f"{files['images']}+{files['negatives']}" if kind == "domains" else files[kind]
    return ppgen.data.load(place, steps=list(MODELS[name].steps))


@pytest.fixture
def batch(name: str, files: Mapping[str, Path]) -> Batch:
    """A few rows in the default dtype, without labels that are missing."""
    found = {key: value[:ROWS] for key, value in dataset(name, files).split("train").items()}
    found = {key: value for key, value in found.items() if value.is_floating_point() or (value >= 0).all()}
    return {key: value if key == "y" else value.to(torch.get_default_dtype()) for key, value in found.items()}


def covariates(model: Any, rows: Batch) -> Batch:
    """What a model is told of these rows before it draws."""
    parents = {parent for site in model.sites.values() for parent in site.parents}
    return {key: value for key, value in rows.items() if key in parents and key not in model.sites}


def loss(model: Any, batch: Batch) -> Tensor:
    """Negative ELBO of a model with latents, under a derived guide; of others, what their objective looks at."""
    if model.is_implicit:
        drawn = model(covariates(model, batch), ROWS)
        return torch.stack([drawn[name].square().mean() for name, s in model.sites.items() if s.role != "latent"]).sum()
    if any(site.role == "latent" for site in model.sites.values()):
        case = MODELS[type(model).__name__]
        parts = elbo_parts(model, case.derived(model, batch), batch, SIZE)
        return parts.distortion + parts.rate
    return -pyro.poutine.trace(model).get_trace(batch, SIZE).log_prob_sum()


@every_model
def test_a_model_tells_its_story(name: str) -> None:
    assert str(MODELS[name].make()).startswith(f"{name}: {MODELS[name].story}")


@every_model
def test_a_model_passes_the_checks_with_a_derived_guide(name: str, batch: Batch) -> None:
    model = MODELS[name].make()
    guide = None if MODELS[name].guide is None else MODELS[name].derived(model, batch)
    ppgen.check(model, guide, batch)


@every_model
def test_a_model_is_an_ordinary_pyro_program(name: str, batch: Batch) -> None:
    model = MODELS[name].make()
    if model.is_implicit:
        pytest.skip("no density")
    trace = pyro.poutine.trace(model).get_trace(batch, SIZE)
    trace.compute_log_prob()
    for site in model.sites.values():
        node = trace.nodes[site.name]
        assert node["is_observed"] == (site.name in batch)
        assert node["log_prob"].shape == ((ROWS,) if site.local else ())
        assert node["scale"] == (SIZE / ROWS if site.local else 1.0)
        assert node["log_prob"].isfinite().all()


@every_model
def test_a_models_draws_lie_in_the_support_and_have_the_shape_of_data(name: str, batch: Batch) -> None:
    model = MODELS[name].make()
    given = covariates(model, batch)
    trace, drawn = pyro.poutine.trace(model).get_trace(given, ROWS), model(given, ROWS)
    many = Predictive(model, num_samples=3)(given, ROWS)
    for site in model.sites.values():
        if site.role != "implicit":
            assert trace.nodes[site.name]["fn"].support.check(trace.nodes[site.name]["value"]).all()
        if site.role != "latent":
            like = batch[model.column_of(site.name)]
            assert (drawn[site.name].shape, drawn[site.name].dtype) == (like.shape, like.dtype)
        if site.role == "observed":
            assert many[site.name].shape == (3, *batch[site.name].shape)


IMAGES = {name for name, case in MODELS.items() if case.kind == "images"}
ORDERED = {name for name in IMAGES if isinstance(getattr(MODELS[name].make(), "network", 0), nets.CausalImageNetwork)}


@pytest.mark.parametrize("shape", [(12,), (3, 9, 11)], ids=str)
@pytest.mark.parametrize("name", sorted(IMAGES - ORDERED - {"BlockPixelCNN", "MaskedVAE", "Pix2Pix", "VQVAE"}))
def test_a_model_of_images_takes_vectors_and_odd_sizes(name: str, shape: tuple[int, ...]) -> None:
    model = MODELS[name].make()
    model = type(model)(**{**model.constructor_arguments, "x_shape": shape})
    assert model(covariates(model, {"y": torch.arange(4)}), 4)["x"].shape == (4, *shape)


@every_model
def test_a_models_gradients_are_finite_and_reach_every_parameter(name: str, dtype: torch.dtype, batch: Batch) -> None:
    model = MODELS[name].make()
    value = loss(model, batch)
    value.backward()
    assert value.isfinite()
    assert value.dtype == dtype
    assert_finite_gradients_everywhere(model)


@every_model
def test_a_model_is_its_constructor_arguments_as_json_and_its_state_dict(name: str, batch: Batch) -> None:
    model = MODELS[name].make()
    again = build(json.loads(json.dumps(blueprint(model))), "model", Path())
    again.load_state_dict(copy.deepcopy(model.state_dict()))
    values = []
    for one in (model, again):
        pyro.set_rng_seed(0)
        values.append((one(covariates(model, batch), ROWS), loss(one, batch)))
    assert values[0][0].keys() == values[1][0].keys()
    assert all(torch.equal(value, values[1][0][key]) for key, value in values[0][0].items())
    assert torch.equal(values[0][1], values[1][1])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_model
def test_a_model_runs_on_the_gpu(name: str, batch: Batch) -> None:
    model, on_gpu = MODELS[name].make().cuda(), {key: value.cuda() for key, value in batch.items()}
    drawn = model(covariates(model, on_gpu), ROWS)
    assert all(value.device.type == "cuda" for value in drawn.values())
    if not model.is_implicit:
        assert pyro.poutine.trace(model).get_trace(on_gpu, SIZE).log_prob_sum().isfinite()


# Fits -----------------------------------------------------------------------------------------------------------------

SETTINGS: dict[str, Any] = {
    "max_epochs": 4, "batch_size": 64, "learning_rate": 1e-2, "device": "cpu", "progress": False,
}  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def fit(request: pytest.FixtureRequest, files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """The fit of a model with its proper guide; read-only."""
    case = MODELS[request.param]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, guide = case.pair()
        out = tmp_path_factory.mktemp("runs") / request.param
        return ppgen.fit(
            model, dataset(request.param, files), guide=guide, objective=case.objective, out=out, **SETTINGS
        )


def rows(fit: Fit, count: int) -> Batch:
    return {key: value[:count] for key, value in fit.data.split("test").items()}


def equal(one: BySite, other: BySite) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def latents(fit: Fit) -> dict[str, bool]:
    """The latents by name: whether they are local."""
    return {name: site.local for name, site in fit.model.sites.items() if site.role == "latent"}


def test_a_fit_learns_and_records_finite_numbers(fit: Fit) -> None:
    assert len(fit.history) == SETTINGS["max_epochs"]
    for row in fit.history:
        for split in ("train", "valid"):
            assert all(np.isfinite(value).all() for value in row.get(split, {}).values())
    if not fit.model.is_implicit:
        assert fit.history[-1]["train"]["loss"] < fit.history[0]["train"]["loss"]


def test_a_run_is_loaded_with_the_same_answers_bit_for_bit(fit: Fit) -> None:
    again, few = ppgen.load(fit.folder, device=fit.device), rows(fit, 5)
    given = covariates(fit.model, few)
    assert equal(again.sample(5, **given), fit.sample(5, **given))
    if fit.unanswerable("density") is None:
        assert again.elbo(few).value == fit.elbo(few).value
        if all(site.local for site in fit.model.sites.values()):
            assert torch.equal(again.log_prob_per_datum(few, 7), fit.log_prob_per_datum(few, 7))
    if fit.unanswerable("representation") is None:
        assert equal(again.encode(few), fit.encode(few))
        assert equal(again.reconstruct(few), fit.reconstruct(few))


def test_every_question_is_answered_or_refused_with_a_reason(fit: Fit) -> None:
    few = rows(fit, 5)
    given = covariates(fit.model, few)
    assert all(len(draw) == 5 and draw.isfinite().all() for draw in fit.sample(5, **given).values())
    means = fit.sample(5, mean=True, **given).values()
    assert all(len(mean) == 5 and mean.isfinite().all() for mean in means)
    if fit.unanswerable("density") is not None:
        with pytest.raises(Unanswerable):
            fit.elbo(few)
    else:
        assert np.isfinite(fit.elbo(few).value)
        assert fit.log_prob_per_datum(few, 20).shape == (5,)
        if not all(latents(fit).values()):
            with pytest.raises(Unanswerable, match="global"):
                fit.log_weights(few, 20)
    local = [name for name, is_local in latents(fit).items() if is_local]
    if fit.guide is not None and local:
        codes = fit.encode(few)
        assert set(codes) == set(local)
        assert all(len(code) == 5 and code.isfinite().all() for code in codes.values())
        assert all(value.shape == few["x"].shape for value in fit.reconstruct(few).values())
    else:
        for question in (fit.encode, fit.reconstruct):
            with pytest.raises(Unanswerable):
                question(few)
    if fit.guide is not None:
        assert set(fit.posterior(few, 3).posterior.data_vars) == set(latents(fit))


def test_a_run_is_evaluated(fit: Fit) -> None:
    card = ppgen.evaluate(fit, num_particles=3, progress=False)
    for question in ("density", "sampling", "representation"):
        assert card[question] or card.reason(question)
        assert all(np.isfinite(estimate.value) for estimate in card[question].values())
    assert str(card).startswith(type(fit.model).__name__)


@pytest.mark.parametrize(
    "fit", ["MixtureVAE", "VampPriorVAE", "VampPriorHierarchicalVAE", "DeepMarkovModel"], indirect=True
)
def test_a_run_with_networks_in_its_guide_is_taken_up(fit: Fit, tmp_path: Path) -> None:
    case = MODELS[type(fit.model).__name__]
    for epochs in (1, SETTINGS["max_epochs"]):
        torch.manual_seed(0)
        model, guide = case.pair()
        settings = {**SETTINGS, "max_epochs": epochs, "resume": epochs > 1}
        twice = ppgen.fit(model, fit.data, guide=guide, objective=case.objective, out=tmp_path / "run", **settings)
    few = rows(fit, 5)
    assert torch.equal(twice.log_prob_per_datum(few, 3), fit.log_prob_per_datum(few, 3))
