from __future__ import annotations

import pyro
import torch

from ppgen.models import PixelCNN


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
