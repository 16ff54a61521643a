from __future__ import annotations

import pyro
import torch

import ppgen
from ppgen.models import PixelCNN


def test_says_what_it_is():
    model = PixelCNN((1, 8, 8), hidden=4, num_layers=1)
    assert {name: site.role for name, site in model.sites.items()} == {"x": "observed"}
    assert str(model).startswith("PixelCNN: p(x)")


def test_the_programs_probabilities_sum_to_one():
    torch.manual_seed(0)
    model = PixelCNN((1, 3, 3), hidden=4, num_layers=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    x = (torch.arange(512).unsqueeze(-1) >> torch.arange(9) & 1).float().reshape(512, 1, 3, 3)
    trace = pyro.poutine.trace(model).get_trace({"x": x})
    trace.compute_log_prob()
    log_prob = trace.nodes["x"]["log_prob"]
    assert log_prob.shape == (512,)
    assert abs(log_prob.double().exp().sum() - 1.0) < 1e-5
    assert log_prob.std() > 0.5  # far from uniform, so that the sum means something


def test_draws_binary_images():
    x = PixelCNN((1, 6, 5), hidden=4, num_layers=1)(size=7)["x"]
    assert x.shape == (7, 1, 6, 5)
    assert ((x == 0) | (x == 1)).all()


def test_beats_independent_pixels_on_digits():
    torch.manual_seed(0)
    data = ppgen.data.load("digits")
    ink = data.split("train")["x"]
    probabilities = (ink.sum(0) + 1) / (len(ink) + 2)
    floor = torch.distributions.Bernoulli(probs=probabilities).log_prob(data.split("test")["x"]).sum((1, 2, 3)).mean()
    model = PixelCNN((1, 8, 8), hidden=12, num_layers=3)
    settings = {"max_epochs": 8, "batch_size": 64, "learning_rate": 1e-2, "schedule": "cosine", "progress": False}
    fit = ppgen.fit(model, data=data, **settings)
    log_prob = fit.log_prob()
    assert log_prob.kind == "exact"
    assert log_prob.value > floor + 1.5
