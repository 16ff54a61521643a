from __future__ import annotations

import sys

import pytest
import torch
from torch.distributions import Distribution

from ppgen.errors import SettingError
from ppgen.nets import Flow, FlowDistribution
from ppgen.nets.flow import zuko_flow
from ppgen.runs.blueprint import NoPlanError, decode, encode


def test_importing_zuko_leaves_the_validation_of_distributions_on(monkeypatch):
    # zuko switches it off for every distribution of the process when it is first imported.
    for name in [name for name in sys.modules if name.partition(".")[0] == "zuko"]:
        monkeypatch.delitem(sys.modules, name)
    assert Distribution._validate_args
    Flow(2)
    assert Distribution._validate_args


@pytest.mark.parametrize("name", ["maf", "autoregressive", "__name__", "Flow", None, 3])
def test_only_families_of_flows_are_looked_up(name):
    with pytest.raises(SettingError, match="unknown flow"):
        zuko_flow(name)


def test_a_flow_is_made_by_a_constructor():
    with pytest.raises(SettingError, match=r"(?s)Flow: make.*a function, or a class.*'NSF'"):
        Flow(2, make="NSF")


@pytest.mark.parametrize("name", ["MAF", "NSF", "NICE"])
def test_context_moves_the_distribution(name):
    flow = Flow(2, 3, zuko_flow(name), num_transforms=2, hidden=(8,))
    context = torch.randn(5, 3)
    z = torch.randn(5, 2) * 0.5
    density = flow(context).log_prob(z)
    assert density.shape == flow(context).batch_shape == (5,)
    assert (density != flow(context + 1.0).log_prob(z)).all()
    torch.testing.assert_close(density[1:2], flow(context[1:2]).log_prob(z[1:2]))


def test_densities_are_the_flows():
    flow, z = Flow(3, num_transforms=2, hidden=(8,)).flow(), torch.randn(4, 2, 5, 3)
    torch.testing.assert_close(FlowDistribution(flow).expand((2, 5)).log_prob(z), flow.log_prob(z))


def test_density_integrates_to_one():
    flow = FlowDistribution(Flow(2, num_transforms=2, hidden=(8,)).flow())
    line = torch.arange(-9.0, 9.0, 0.1)
    with torch.no_grad():
        total = flow.log_prob(torch.cartesian_prod(line, line)).double().exp().sum() * 0.01
    assert abs(total - 1.0) < 1e-4


def test_a_run_folder_names_the_constructor():
    flow = Flow(2, make=zuko_flow("NSF"), num_transforms=1, hidden=(8,))
    plan = encode(flow)
    assert plan["arguments"]["make"] == {"$class": "zuko.flows.spline:NSF"}
    assert repr(decode(plan)) == repr(flow)
    with pytest.raises(NoPlanError):
        decode({"$class": "zuko.flows.core:Unconditional"})
