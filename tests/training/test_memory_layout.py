"""Where the numbers of a weight lie in memory changes nothing about training."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Model, observed
from ppgen.distributions import Autoregressive
from ppgen.nets import GatedPixelCNN
from ppgen.training.step import laid_out_like

X = torch.rand(32, 3, 6, 6, generator=torch.Generator().manual_seed(0)).round()


class Laid(nn.Module):
    """A network that reads its images channels last."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.contiguous(memory_format=torch.channels_last))


class Colours(Model):
    """x ~ a causal network over images of three channels."""

    def __init__(self, layout: torch.memory_format) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.network = Laid(GatedPixelCNN((3, 6, 6), hidden=8, num_layers=2, num_parameters=3)).to(memory_format=layout)

    @observed
    def x(self) -> Autoregressive:
        return Autoregressive(self.network, (3, 6, 6))


def weights(layout: torch.memory_format, optimizer: str = "adam") -> list[Tensor]:
    model = Colours(layout)
    ppgen.fit(
        model, {"x": X}, max_epochs=4, batch_size=8, optimizer=optimizer, average=0.5, clip_norm=5.0, progress=False
    )
    return [parameter.detach().contiguous() for parameter in model.parameters()]


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_weights_that_lie_channels_last_are_trained_alike(optimizer: str) -> None:
    plain = weights(torch.contiguous_format, optimizer)
    for own, other in zip(plain, weights(torch.channels_last, optimizer), strict=True):
        torch.testing.assert_close(own, other, rtol=0.0, atol=1e-5)


def test_a_gradient_takes_the_layout_of_its_weight() -> None:
    parameter = torch.randn(4, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    gradient = torch.randn(4, 3, 2, 2)
    laid = laid_out_like(parameter, gradient)
    assert laid.stride() == parameter.stride()
    assert torch.equal(laid, gradient)
    assert laid_out_like(gradient, gradient) is gradient
