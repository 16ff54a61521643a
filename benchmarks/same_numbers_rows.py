"""The rows of ``same_numbers.py``: what ppgen is asked for, by its public API alone."""

from __future__ import annotations

import functools
import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.infer import Trace_ELBO, TraceMeanField_ELBO
from same_numbers_before import answers_of, by_site, network_guide, networks_of, recipe_names, tidy_csv
from torch import Tensor

import ppgen
from ppgen import guides, models, nets

__all__ = ["ROWS"]

Quantities = Iterator[tuple[str, Any]]
Row = dict[str, Tensor]
row = functools.partial
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
RECIPES = recipe_names()
GIVEN = {"cvae": ("y",), "masked": ("given", "mask")}  # what samples of a recipe are conditional on


@functools.cache
def labelled() -> Any:
    """256 digits to train on, 64 each to validate and to test."""
    sizes, digits = {"train": 256, "valid": 64, "test": 64}, ppgen.data.load("digits")
    return ppgen.data.from_tensors({s: {key: x[:n] for key, x in digits.split(s).items()} for s, n in sizes.items()})


def changed(change: Callable[[Row], Row]) -> Any:
    """The same digits in another form, split by split."""
    return ppgen.data.from_tensors({split: change(labelled().split(split)) for split in ("train", "valid", "test")})


images = row(changed, lambda rows: {"x": rows["x"]})
vectors = row(changed, lambda rows: {"x": rows["x"].flatten(1)})
labelled_vectors = row(changed, lambda rows: {"x": rows["x"].flatten(1), "y": rows["y"]})
# Each line of pixels is an observation at a time, or a view; views with little ink are missing.
lines = row(changed, lambda rows: {"x": rows["x"].squeeze(1)})
dynamic, grey = (row(ppgen.data.load, "digits", binarize=binarize) for binarize in ("dynamic", None))
views = row(changed, lambda rows: {"x": rows["x"].squeeze(1), "present": rows["x"].squeeze(1).sum(-1) > 2})


partly_labelled = functools.cache(lambda: ppgen.data.partial_labels(labelled(), per_class=10))


def fingerprints() -> Quantities:
    """The data themselves, under every protocol."""
    load = ppgen.data.load
    found = {mode: load("digits", binarize=mode) for mode in ("static", "dynamic", "threshold")}
    found |= {"grey": load("digits", binarize=None), "partly labelled": partly_labelled(), "own": views()}
    found |= {"sprites": load("sprites"), "quadrants": ppgen.zoo.dataset("masked")}
    for name, data in found.items():
        yield name, [data.fingerprint(split) for split in ("train", "valid", "test")]


def fit(model: Any, guide: Any = None, data: Any = None, objective: Any = None, **settings: Any) -> Any:
    """A fit of two epochs, unless told otherwise, that says it took no time."""
    settings = {"max_epochs": 2, "batch_size": 64, "seed": 0, "device": "cpu", "progress": False} | settings
    done = ppgen.fit(model, data=data, guide=guide, objective=objective, **settings)
    done.seconds = 0.0
    for epoch in done.history:
        epoch["seconds"] = 0.0
    return done


def recipe(name: str) -> Any:
    """A recipe of the zoo on its own data, with its own settings but for the epochs; by its name of today."""
    name = RECIPES[name]
    data = ppgen.zoo.dataset(name)
    model, guide, objective = ppgen.zoo.build(name, data)
    return fit(model, guide, data, objective, **ppgen.zoo.recipe(name).settings() | {"max_epochs": 3})


def state(fit: Any) -> Row:
    """Parameters and buffers of all that a fit trained."""
    modules = {"model": fit.model, "guide": fit.guide, **networks_of(fit)}
    parts = {owner: module.state_dict() for owner, module in modules.items() if module is not None}
    return {f"{owner}.{name}": tensor for owner, part in parts.items() for name, tensor in part.items()}


def trained(fit: Any) -> Quantities:
    """What training left."""
    yield "weights", list(state(fit).values())
    yield "names", list(state(fit))
    yield "number of parameters", fit.num_parameters
    yield "history", fit.history
    yield "objective", fit.objective.name


def answer(question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a fit says, or that it has no answer."""
    try:
        return question(*args, **kwargs)
    except ppgen.Unanswerable:
        return "no answer"


def asked(fit: Any, given: tuple[str, ...] = ()) -> Quantities:
    """What training left, and the answers to all three questions."""
    yield from trained(fit)
    # Labels of a semi-supervised model are in these rows, so that theirs is the density of both.
    rows = {key: column[:32] for key, column in fit.data.split("test").items()}
    yield "ELBO", answer(fit.elbo)
    yield "ELBO of 3", answer(fit.elbo, num_particles=3, seed=1)
    yield "log p", answer(fit.log_prob, num_particles=16)
    yield "log p of rows", answer(fit.log_prob_per_datum, rows, num_particles=16, seed=1)
    told = {key: rows[key][:8] for key in given}
    yield "samples", by_site(answer(fit.sample, 8, **told))
    yield "means of samples", by_site(answer(fit.sample, 8, mean=True, seed=1, **told))
    yield "codes", by_site(answer(fit.encode))
    yield "codes of rows", by_site(answer(fit.encode, rows))
    yield "reconstructions", by_site(answer(fit.reconstruct))
    draws = answer(fit.posterior, rows, num_draws=4)
    yield "posterior draws", draws if draws == "no answer" else {k: v.values for k, v in draws.posterior.items()}


def pair(
    model: Any, guide: Any = guides.MeanField, objective: Any = None, data: Any = images, given: Any = (), **how: Any
) -> Quantities:
    """A fit of ingredients that are made now."""
    made = model()
    own_guide, own_objective = None if guide is None else guide(made), None if objective is None else objective()
    yield from asked(fit(made, own_guide, data(), own_objective, **how), given)


vae = row(models.VAE, (1, 8, 8), latent_dim=4)
discrete = row(models.DiscreteVAE, (1, 8, 8), num_letters=4)
layers = row(models.HierarchicalVAE, (1, 8, 8), (4, 2))
regression = row(models.BayesianLogisticRegression, 64, num_classes=10)
markov = row(models.DeepMarkovModel, (8, 8), 3, 16)
autoencoder = row(models.Autoencoder, (1, 8, 8), 4)


def example(name: str, member: str) -> Any:
    """A model that an example declares."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))[member]((1, 8, 8))


few_labels = row(example, "partial_labels", "FewLabels")


def hand_written() -> Any:
    """A pair of Pyro functions with parameters of their own."""
    return ppgen.Program(*map(runpy.run_path(str(EXAMPLES / "hand_written_pyro.py")).get, ("model", "guide")))


class Views(ppgen.Model):
    """t ~ Normal(0, I);  v_j | t ~ Normal(C t + c, 0.7);  x_j | v_j ~ Normal(B v_j + b, 1/2), if present."""

    def __init__(self) -> None:
        super().__init__()
        self.b, self.c, self.sizes = torch.nn.Linear(2, 8), torch.nn.Linear(2, 2), {"views": 8}

    @ppgen.latent
    def t(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @ppgen.latent(plate="views")
    def v(self, t: Tensor, present: Tensor) -> Any:
        return dist.Normal(self.c(t).expand(*t.shape[:-2], 8, 2), 0.7).to_event(1).mask(present)

    @ppgen.observed(plate="views")
    def x(self, v: Tensor, present: Tensor) -> Any:
        return dist.Normal(self.b(v), 0.5).to_event(1).mask(present)


def refined() -> Quantities:
    """A guide that is improved for each datum, after the fit."""
    model = layers()
    done = fit(model, guides.Structured(model), images())
    done.guide = guides.Refined(done.guide, steps=5)
    yield from asked(done)


def evaluated(name: str) -> Quantities:
    """A recipe's scorecard: each number by itself, and all that is said beside them."""
    card = ppgen.evaluate(recipe(name), num_particles=50, progress=False)
    groups, refused, of = answers_of(card)
    for group, found in groups.items():
        yield from ((f"{group}: {key}", estimate) for key, estimate in found.items())
    yield "log p of each datum", card.per_datum
    yield "card", [card.name, str(card.data), card.fingerprint, sorted((of | dict(card.facts)).items(), key=str)]
    for group, found in groups.items():
        yield f"{group} in words", sorted(f"{key}: {estimate}" for key, estimate in found.items())
    yield "refused", sorted(refused)


def metrics() -> Quantities:
    """What no scorecard holds."""
    done = recipe("vae")
    rows = {"x": done.data.split("test")["x"][:64]}
    yield from ppgen.evaluation.rate_decomposition(done.model, done.guide, rows).items()
    for objective in (ppgen.ELBO(), ppgen.ELBO(gradient="stl"), ppgen.IWAE(4, gradient="dreg")):
        noise = ppgen.evaluation.gradient_noise(done.model, done.guide, objective, rows, num_draws=5)
        yield f"gradient noise, {objective.name}", noise


def resumed() -> Quantities:
    """Two epochs and two more against four at once; what was written against what is read."""

    def run(epochs: int, out: str, resume: bool = False) -> Any:
        torch.manual_seed(0)
        return fit(vae(), None, images(), max_epochs=epochs, out=out, resume=resume)

    run(2, "runs/resumed")
    fits = {"resumed": run(4, "runs/resumed", resume=True), "straight": run(4, "runs/straight")}
    fits["loaded"] = ppgen.load("runs/straight", data=images())
    for name, done in fits.items():
        yield from ((f"{name}: {quantity}", value) for quantity, value in trained(done) if quantity != "history")
        pairs = zip(state(done).values(), state(fits["straight"]).values(), strict=True)
        yield f"{name}: as straight", all(torch.equal(one, other) for one, other in pairs)
        yield f"{name}: ELBO", done.elbo()
    yield "history", [fits[name].history for name in ("resumed", "straight")]
    record = json.loads(Path("runs/straight/run.json").read_text())
    yield "run.json", {key: record[key] for key in ("data", "settings", "facts", "weights")}


def compared() -> Quantities:
    """Tables in all formats, ranks, verdicts, and the page."""
    fits = {name: recipe(name) for name in ("vae", "gated-pixelcnn", "autoencoder")}
    cards = {name: ppgen.evaluate(fit, num_particles=50, progress=False) for name, fit in fits.items()}
    pairs = (comparison := ppgen.compare(cards)).pairs
    yield from ((name, str(card)) for name, card in cards.items())
    yield "text", comparison.to_text()
    yield "Markdown", comparison.to_markdown()
    yield "LaTeX", comparison.to_latex()
    yield "tidy frame", tidy_csv(comparison)
    yield "wide frame", comparison.frame().to_csv()
    yield "ranks", [f"{standing} {standing.group} {standing.reason}" for standing in comparison.ranking()]
    yield "paired differences", [[p.first, p.second, p.difference, p.low, p.high, p.verdict, p.winner] for p in pairs]
    yield "page", ppgen.report(comparison, "page.html", fits=fits).read_text(encoding="utf-8")


def pyro_reference() -> Quantities:
    """Pyro's own estimators, which see the sites of a pair as any Pyro program's."""
    model, batch = layers(), images().split("test")
    done = fit(model, guides.MeanField(model), images(), max_epochs=1)
    for estimator in (Trace_ELBO(), Trace_ELBO(num_particles=3), TraceMeanField_ELBO()):
        pyro.set_rng_seed(0)
        loss = estimator.loss(done.model, done.guide, batch, 256)
        yield f"{type(estimator).__name__} of {estimator.num_particles}", loss
    torch.nn.ModuleList([done.model, done.guide]).zero_grad()  # a fit once left those of its last step behind
    Trace_ELBO().differentiable_loss(done.model, done.guide, batch, 256).backward()
    yield "gradient", [p.grad for part in (done.model, done.guide) for p in part.parameters() if p.grad is not None]
    nodes = pyro.poutine.trace(done.model).get_trace(batch, 256).nodes
    yield "sites", {name: node["value"] for name, node in nodes.items() if name in done.model.sites}


ROWS: dict[str, Callable[[], Quantities]] = {
    "data": fingerprints,
    **{f"zoo/{name}": (lambda name=name: asked(recipe(name), GIVEN.get(name, ()))) for name in RECIPES},
    **{
        f"evaluate/{name}": row(evaluated, name) for name in ("vae", "cvae", "gated-pixelcnn", "gan", "semi-supervised")
    },
    "metrics": metrics,
    "resume": resumed,
    "compare": compared,
    "objective/beta-warmup": row(pair, vae, objective=row(ppgen.ELBO, beta=4.0, warmup=2)),
    "objective/cycles": row(pair, vae, objective=row(ppgen.ELBO, warmup=0.5, cycles=2)),
    "objective/free-bits": row(pair, vae, objective=row(ppgen.ELBO, free_bits=2.0, num_particles=2)),
    "objective/free-dimensions": row(pair, vae, objective=row(ppgen.ELBO, free_bits=0.5, free_bits_per="dimension")),
    "objective/capacity": row(pair, vae, objective=row(ppgen.ELBO, capacity=5.0, warmup=1)),
    "objective/stl": row(pair, vae, objective=row(ppgen.ELBO, gradient="stl", num_particles=2)),
    "objective/sampled": row(pair, vae, objective=row(ppgen.ELBO, closed_form=False)),
    "objective/score": row(pair, discrete, objective=row(ppgen.ELBO, gradient="score", num_particles=2)),
    "objective/iwae": row(pair, vae, objective=row(ppgen.IWAE, 5)),
    "objective/iwae-dreg": row(pair, vae, objective=row(ppgen.IWAE, 5, gradient="dreg")),
    "objective/iwae-discrete": row(pair, discrete, objective=row(ppgen.IWAE, 3)),
    "objective/total-correlation": row(pair, vae, objective=ppgen.TotalCorrelation),
    "objective/wake-sleep": row(pair, vae, objective=row(ppgen.WakeSleep, 5, guide_phase="both")),
    "objective/sleep-discrete": row(pair, discrete, objective=ppgen.WakeSleep),
    "guide/mean-field": row(pair, layers),
    "guide/full-rank": row(pair, layers, guides.FullRank),
    "guide/structured": row(pair, layers, guides.Structured),
    "guide/structured-model": row(pair, layers, row(guides.Structured, order="model")),
    "guide/flow": row(pair, layers, row(guides.Flow, transforms=2)),
    "guide/flow-spline": row(pair, layers, row(guides.Flow, flow="NSF", transforms=1)),
    "guide/flow-iwae": row(pair, layers, guides.Flow, row(ppgen.IWAE, 3, gradient="dreg")),
    "guide/delta": row(pair, layers, guides.Delta),
    "guide/refined": refined,
    "program/hand-written": row(pair, hand_written, None, data=vectors),
    "program/conditional": row(pair, row(example, "conditional", "Conditional"), data=labelled, given=("y",)),
    "program/clusters": row(pair, row(example, "clusters", "Clusters")),
    "program/partial-labels": row(pair, few_labels, data=partly_labelled),
    "program/partial-labels-iwae": row(pair, few_labels, objective=row(ppgen.IWAE, 3), data=partly_labelled),
    "program/global": row(pair, regression, data=labelled_vectors, given=("x",)),
    "program/factor-analysis": row(pair, row(models.FactorAnalysis, 64, 3), guides.Structured, data=vectors),
    "program/sequences": row(pair, markov, lambda model: network_guide(nets.Smoother(8, 3)), data=lines),
    "program/inner-plate": row(pair, Views, guides.Structured, data=views, given=("present",)),
    "settings/cosine-clip": row(pair, vae, data=dynamic, schedule="cosine", clip_norm=1.0),
    "settings/patience": row(pair, vae, patience=1, max_epochs=8, learning_rate=0.1),
    "settings/grey": row(pair, autoencoder, data=grey),
    "pyro": pyro_reference,
}
