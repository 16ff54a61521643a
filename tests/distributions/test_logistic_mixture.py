"""Mixtures of discretized logistics: exact sums over levels, the density by hand, draws as frequent as their law."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ppgen.distributions import Autoregressive, DiscretizedLogistic, DiscretizedLogisticMixture, conditionals
from ppgen.errors import SettingError
from ppgen.nets import GatedPixelCNN, LogisticMixtureLikelihood
from tests.oracles.chi_square import p_value


def every_pixel(channels: int, levels: int, white: float = 1.0) -> Tensor:
    """``[levels ** channels, channels]``."""
    index = torch.arange(levels**channels).unsqueeze(-1) // levels ** torch.arange(channels) % levels
    return index.double() / ((levels - 1) / white)


def random(channels: int, num_mixtures: int, rows: tuple[int, ...] = ()) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    count = DiscretizedLogisticMixture.num_parameters(channels, num_mixtures)
    return torch.randn(*rows, count, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize(
    ("channels", "levels", "white"), [(1, 256, 1.0), (1, 2, 1.0), (2, 3, 2.0), (3, 5, 1.0), (2, 64, 63.0)]
)
@pytest.mark.parametrize("spread", [0.3, 3.0, 30.0])
def test_the_probabilities_of_all_pixels_sum_to_one(channels, levels, white, spread):
    # With a spread of 30, scales from 1e-13 (certain) to 1e13 (everything at the edges) meet.
    family, parameters = conditionals.LogisticMixture(4, levels, white), spread * random(channels, 4, (6,))
    x = every_pixel(channels, levels, white)
    log_p = family.log_prob(parameters.expand(len(x), -1, -1), x.unsqueeze(1).expand(-1, 6, -1))
    assert torch.allclose(log_p.exp().sum(0), torch.ones(6, dtype=torch.float64), atol=1e-9)
    single = family.log_prob(parameters.float().expand(len(x), -1, -1), x.float().unsqueeze(1).expand(-1, 6, -1))
    assert torch.allclose(single.double().exp().sum(0), torch.ones(6, dtype=torch.float64), atol=2e-4)


def test_256_levels_of_grey_sum_to_one_within_a_millionth_of_a_network_at_its_start():
    parameters = torch.zeros(256, 30)
    assert (
        abs(conditionals.LogisticMixture().log_prob(parameters, every_pixel(1, 256).float()).double().exp().sum() - 1)
        < 1e-6
    )


def test_the_density_is_that_of_the_paper_channel_by_channel():
    # By hand, from cumulated logistics, on 5 levels of three channels and two components.
    raw, x = random(3, 2), every_pixel(3, 5)
    y = 2 * x - 1
    total = torch.zeros(len(x), dtype=torch.float64)
    for k in range(2):
        mean, log_scale, a = raw[2 + 9 * k : 11 + 9 * k].split(3)
        a = a.tanh()
        red, green, _ = y.unbind(-1)
        means = mean[0] + 0 * red, mean[1] + a[0] * red, mean[2] + a[1] * red + a[2] * green
        p = raw[:2].softmax(0)[k].expand(len(x))
        for channel in range(3):
            scale = log_scale[channel].exp() + 0.01 * 0.5
            upper = torch.where(x[:, channel] == 1, torch.inf, y[:, channel] + 0.25)
            lower = torch.where(x[:, channel] == 0, -torch.inf, y[:, channel] - 0.25)
            p = p * (((upper - means[channel]) / scale).sigmoid() - ((lower - means[channel]) / scale).sigmoid())
        total = total + p
    log_p = DiscretizedLogisticMixture(raw, 3, 2, levels=5).log_prob(x)
    torch.testing.assert_close(log_p.exp(), total)


@pytest.mark.parametrize(("channels", "levels"), [(1, 256), (2, 3), (3, 3)])
def test_draws_are_as_frequent_as_their_probabilities(channels, levels):
    torch.manual_seed(1)
    family, parameters, x = conditionals.LogisticMixture(3, levels), random(channels, 3), every_pixel(channels, levels)
    draws = family.sample(parameters.expand(40_000, -1), channels)
    assert family.support.check(draws).all()
    index = ((draws * (levels - 1)).round().long() * levels ** torch.arange(channels)).sum(-1)
    probabilities = family.log_prob(parameters.expand(len(x), -1), x).exp()
    assert p_value(index.bincount(minlength=len(x)), probabilities) > 0.001
    assert torch.equal(draws, x[index]), "the same floats as stored pixels divided by 255"


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_a_temperature_divides_the_logits_and_multiplies_the_scales(channels, temperature):
    # By hand: of each component its logistics, one channel after the other, with scales that are T times as wide.
    raw, x = random(channels, 2), every_pixel(channels, 5)
    each, total = raw[2:].reshape(2, -1), torch.zeros(len(x), dtype=torch.float64)
    for k in range(2):
        loc, log_scale, a = each[k, :channels], each[k, channels : 2 * channels], each[k, 2 * channels :].tanh()
        p = (raw[:2] / temperature).softmax(0)[k].expand(len(x))
        for channel in range(channels):
            own = a[channel * (channel - 1) // 2 :][:channel]
            mean = loc[channel] + ((2 * x - 1)[:, :channel] * own).sum(-1)
            scale = temperature * log_scale[channel].exp() + 0.01 * 2 / 4
            p = p * DiscretizedLogistic(0.5 * (mean + 1), 0.5 * scale, 5).log_prob(x[:, channel]).exp()
        total += p
    family = conditionals.LogisticMixture(2, 5)
    cold = family.log_prob(family.sharpened(raw, temperature).expand(len(x), -1), x).exp()
    torch.testing.assert_close(cold, total)
    torch.testing.assert_close(family.sharpened(raw, 1.0), raw)
    of_pixel = conditionals.OfPixel(LogisticMixtureLikelihood((channels,), 5, num_mixtures=2))
    assert torch.equal(of_pixel.sharpened(raw, temperature), family.sharpened(raw, temperature))


def test_far_tails_keep_numbers_and_gradients():
    parameters = (30 * random(3, 4, (50,))).float().requires_grad_()
    log_p = conditionals.LogisticMixture(4).log_prob(parameters, torch.rand(50, 3).round())
    log_p.sum().backward()
    assert log_p.isfinite().all()
    assert parameters.grad.isfinite().all()


def test_is_a_likelihood_of_one_pixel_too():
    likelihood = LogisticMixtureLikelihood((3,), levels=3, num_mixtures=2)
    family, pixel = conditionals.OfPixel(likelihood), conditionals.LogisticMixture(2, 3)
    parameters, x = random(3, 2).expand(27, -1), every_pixel(3, 3)
    assert (likelihood.shape, str(likelihood)) == ((20,), "mixture of 2 logistics")
    torch.testing.assert_close(family.log_prob(parameters, x), pixel.log_prob(parameters, x))
    assert (family.measure, pixel.measure, conditionals.OfPixel(LogisticMixtureLikelihood((1,))).measure) == (
        "integer", "integer", "8-bit")  # fmt: skip
    with pytest.raises(SettingError, match="channels of one pixel"):
        LogisticMixtureLikelihood((3, 8, 8))


def test_all_colour_images_of_three_levels_have_probabilities_that_sum_to_one():
    family = conditionals.LogisticMixture(2, 3)
    torch.manual_seed(0)
    network = GatedPixelCNN((2, 1, 3), 4, 2, num_parameters=family.num_parameters(2)).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    images = every_pixel(6, 3).reshape(-1, 2, 1, 3)
    with torch.no_grad():
        p = Autoregressive(network, (2, 1, 3), conditional=family).log_prob(images).exp()
    assert abs(p.sum() - 1) < 1e-9
    assert p.max() > 3 * p.mean()


@pytest.mark.parametrize("wrong", [{"num_mixtures": 0}, {"levels": 1}, {"white": 0.0}])
def test_numbers_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        conditionals.LogisticMixture(**wrong)
