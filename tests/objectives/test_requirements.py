from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch

from ppgen.errors import DeclarationError, SettingError
from ppgen.inference.paired_trace import PairedTrace, trace_pair
from ppgen.objectives.requirements import must_be_pathwise, must_have_spread


def drawn_from(fn: Any) -> PairedTrace:
    def program(batch: Any, size: int) -> None:
        pyro.sample("z", fn)

    return trace_pair(program, program, {}, 1)


def test_a_draw_without_a_path_is_named() -> None:
    must_be_pathwise(drawn_from(dist.Gamma(2.0, 1.0)), "ELBO()")
    with pytest.raises(DeclarationError, match=r"ELBO\(\): the guide draws 'z' from Poisson"):
        must_be_pathwise(drawn_from(dist.Poisson(2.0)), "ELBO()")


def test_a_point_is_named() -> None:
    must_have_spread(drawn_from(dist.Normal(0.0, 1.0)), "IWAE(8)")
    with pytest.raises(SettingError, match=r"IWAE\(8\): the guide is a point"):
        must_have_spread(drawn_from(dist.Delta(torch.tensor(1.0))), "IWAE(8)")
