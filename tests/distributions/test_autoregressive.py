from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Predictive
from torch import Tensor, nn

from ppgen.distributions import Autoregressive
from ppgen.nets import GatedPixelCNN
from tests.oracles.chi_square import p_value

SHAPE = (1, 4, 4)


def network(context_dim: int = 0, shape: tuple[int, int, int] = SHAPE) -> GatedPixelCNN:
    """Small, with weights large enough that pixels depend strongly on each other."""
    torch.manual_seed(1)
    net = GatedPixelCNN(shape, hidden=4, num_layers=2, first_kernel_size=5, context_dim=context_dim)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.6)
    return net


def all_images() -> Tensor:
    """All 65,536 binary images of 4 by 4 pixels; image k has the binary digits of k."""
    return (torch.arange(2**16).unsqueeze(-1) >> torch.arange(16) & 1).float().reshape(-1, *SHAPE)


def index(images: Tensor) -> Tensor:
    return (images.flatten(-3).long() << torch.arange(16)).sum(-1)


class Uncached(nn.Module):
    """The same network without its cache."""

    def __init__(self, inner: GatedPixelCNN) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.inner(x, context)


@pytest.mark.parametrize("context_dim", [0, 2])
def test_probabilities_of_all_images_sum_to_one(context_dim):
    context = torch.tensor([1.0, -2.0]) if context_dim else None
    with torch.no_grad():
        total = Autoregressive(network(context_dim), SHAPE, context).log_prob(all_images()).double().exp().sum()
    assert abs(total - 1.0) < 1e-5


def test_draws_follow_the_enumerated_probabilities():
    images = Autoregressive(network(context_dim=2), SHAPE, torch.tensor([1.0, -2.0]))
    with torch.no_grad():
        probabilities = images.log_prob(all_images()).double().exp()
    torch.manual_seed(2)
    counts = index(images.sample((100_000,))).bincount(minlength=2**16)
    assert p_value(counts, probabilities) > 0.001


@pytest.mark.parametrize("context_dim", [0, 2])
def test_the_cache_and_whole_passes_draw_the_same_images(context_dim):
    inner = network(context_dim, (1, 5, 6)).double()
    context = torch.randn(20, 2, dtype=torch.float64) if context_dim else None
    draws: list[Tensor] = []
    for each in (inner, Uncached(inner)):
        torch.manual_seed(3)
        draws.append(Autoregressive(each, (1, 5, 6), context).sample(() if context_dim else (20,)))
    assert torch.equal(*draws)
    assert draws[0].dtype == torch.float64, "the network's"
    assert not draws[0].requires_grad


def test_draws_in_chunks_cover_every_row_with_its_own_context(monkeypatch):
    monkeypatch.setattr("ppgen.distributions.in_order.CHUNK_VALUES", 3 * 16)
    net = network(context_dim=1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        for layer in net.layers:
            layer.context.weight.fill_(5.0)
            layer.mix.weight.fill_(5.0)
        net.head[1].weight.fill_(5.0)
        net.head[3].weight.fill_(5.0)
        net.head[3].bias.fill_(-50.0)
    context = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]).unsqueeze(-1)
    images = Autoregressive(net, SHAPE, context).sample((2,))
    assert torch.equal(images, context[..., None, None].expand(2, 7, 1, 4, 4))


@pytest.mark.parametrize(
    ("value", "batch", "result"), [((5,), (), (5,)), ((), (5,), (5,)), ((5,), (7, 1), (7, 5)), ((7, 5), (5,), (7, 5))]
)
@pytest.mark.parametrize("context_dim", [0, 2])
def test_log_prob_broadcasts_values_against_the_batch(value, batch, result, context_dim):
    torch.manual_seed(0)
    net = network(context_dim)
    context = torch.randn(*batch, context_dim) if context_dim else None
    images = Autoregressive(net, SHAPE, context).expand(batch)
    x = torch.rand(*value, *SHAPE).round()
    actual = images.log_prob(x)
    assert actual.shape == result
    x_full = x.expand(*result, *SHAPE).reshape(-1, *SHAPE)
    contexts = context.expand(*result, context_dim).reshape(-1, context_dim) if context is not None else None
    each = [
        Autoregressive(net, SHAPE, None if contexts is None else contexts[i]).log_prob(x_full[i])
        for i in range(len(x_full))
    ]
    torch.testing.assert_close(actual.flatten(), torch.stack(each))


def test_log_prob_is_the_sum_over_pixels_of_bernoullis_and_passes_gradients_to_the_network():
    net, x = network(), all_images()[:64]
    log_prob = Autoregressive(net, SHAPE).log_prob(x)
    torch.testing.assert_close(log_prob, dist.Bernoulli(logits=net(x)).to_event(3).log_prob(x))
    log_prob.sum().backward()
    assert all((parameter.grad != 0).any() for parameter in net.parameters())
    assert not Autoregressive(net, SHAPE).has_rsample


@pytest.mark.parametrize("bad", [2.0, 0.5, float("nan")])
def test_values_that_are_not_zeros_and_ones_are_refused(bad):
    x = torch.zeros(3, *SHAPE)
    x[1, 0, 2, 2] = bad
    with pytest.raises(ValueError, match="within the support"):
        Autoregressive(network(), SHAPE, validate_args=True).log_prob(x)


def test_what_has_no_closed_form_says_so():
    images = Autoregressive(network(), SHAPE)
    with pytest.raises(NotImplementedError, match="average draws"):
        _ = images.mean
    with pytest.raises(NotImplementedError, match="use draws"):
        _ = images.variance


def test_is_a_pyro_distribution_in_trace_predictive_and_graph():
    net = network(context_dim=2)

    def model(x: Tensor | None = None) -> Tensor:
        with pyro.plate("data", 6):
            z = pyro.sample("z", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
            return pyro.sample("x", Autoregressive(net, SHAPE, z), obs=x)

    trace = pyro.poutine.trace(model).get_trace()
    trace.compute_log_prob()
    assert trace.nodes["x"]["log_prob"].shape == (6,)
    for parallel in (False, True):
        draws = Predictive(model, num_samples=4, parallel=parallel)()["x"]
        assert draws.shape[0] == 4
        assert draws.shape[-4:] == (6, *SHAPE)
    relations = pyro.infer.inspect.get_model_relations(model, (torch.zeros(6, *SHAPE),))
    assert "z" in relations["sample_sample"]["x"]


def test_under_a_plate_without_context_every_row_is_a_draw_of_its_own():
    net = network()

    def model() -> Tensor:
        with pyro.plate("data", 50):
            return pyro.sample("x", Autoregressive(net, SHAPE))

    torch.manual_seed(0)
    assert len(index(model()).unique()) > 20
