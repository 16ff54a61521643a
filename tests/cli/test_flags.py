"""Remedies speak the caller's language: arguments in Python, flags on the command line."""

from __future__ import annotations

import pytest

from ppgen.cli import commands
from ppgen.cli.fit import fit
from ppgen.cli.flags import fix_in_flags
from ppgen.cli.list import match, summaries


@pytest.mark.parametrize(
    ("python", "flags"),
    [
        ('binarize="static"', "--binarize static"),
        ("binarize=None, dequantize=True", "--binarize none, --dequantize"),
        ("learning_rate=0.001", "--lr 0.001"),
        ("max_epochs=3 or batch_size=64", "--epochs 3 or --batch-size 64"),
        ('ppgen.data.load(..., binarize="static")', "--binarize static"),
        ('load("mnist", binarize="dynamic")', "--binarize dynamic"),
        ("num_classes=3", "num_classes=3"),
        ('data={"x": x}', 'data={"x": x}'),
        ("ppgen.data.from_tensors(x, valid=0, test=0)", "ppgen.data.from_tensors(x, valid=0, test=0)"),
        ("x = (x > 0.5).float()", "x = (x > 0.5).float()"),
        ('gradient="dreg"', "--set-objective gradient=dreg"),
        ('gradient="mixed", which keeps the paths', "--set-objective gradient=mixed, which keeps the paths"),
        ("objective=ppgen.ELBO(), or ppgen.WakeSleep()", "--objective elbo, or ppgen.WakeSleep()"),
        ("objective=ppgen.ELBO(beta=4.0)", "--objective elbo --beta 4.0"),
        (
            'objective=ppgen.ELBO(gradient="mixed", num_particles=8)',
            "--objective elbo --set-objective gradient=mixed --num-particles 8",
        ),
        ("guide=ppgen.guides.MeanField(model)", "--guide mean-field"),
        ("--set critic=16, or gradient=dreg", "--set critic=16, or --set-objective gradient=dreg"),
        ("critic=ppgen.nets.critic(x_shape)", "critic=ppgen.nets.critic(x_shape)"),
        ("choose another out=..., or remove it", "choose another --out ..., or remove it"),
        ("start the fit without resume=True", "start the fit without --resume"),
        ('ppgen.fit(..., out="runs/name", resume=True)', "--out runs/name --resume"),
    ],
)
def test_what_the_command_has_an_option_for_is_said_by_the_option(python: str, flags: str) -> None:
    assert fix_in_flags(python, fit.params) == flags


@pytest.mark.parametrize(
    ("called", "python", "flags"),
    [
        ("complete", 'a model of order="left-right"', "a model of ppgen fit --order left-right"),
        ("evaluate", 'ppgen.data.load(name, binarize="static")', "ppgen fit --binarize static"),
        ("evaluate", 'metrics=["log_prob"]', "--metrics log_prob"),
        ("compare", 'ppgen.evaluate(fit, metrics=["log_prob"])', "ppgen evaluate --metrics log_prob"),
        ("traverse", "dims=[0, 1]", "--dim 0 --dim 1"),
        ("traverse", "site='z1'", "--site z1"),
        ("sample", "temperature=1.0; mean=True shows it", "--temperature 1.0; --mean shows it"),
        ("traverse", "lattice(fit, dims, x=x[:1])", "lattice(fit, dims, x=x[:1])"),
    ],
)
def test_what_another_command_has_an_option_for_is_said_with_its_name(called: str, python: str, flags: str) -> None:
    assert fix_in_flags(python, commands.commands[called].params, commands.commands) == flags


def test_every_objective_and_guide_that_a_remedy_names_is_one_that_the_command_takes() -> None:
    """What Python calls by its class, the option takes by the words that the remedy makes of it."""
    for family, option in (("objectives", "objective"), ("guides", "guide")):
        for name in (known := summaries(family)):
            words = fix_in_flags(f"{option}=ppgen.{family}.{name}(model)", fit.params).removeprefix(f"--{option} ")
            assert match(words, known, option, "") == name
