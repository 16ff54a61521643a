"""Declare a generative model as a Pyro program, derive a guide, fit the pair, evaluate it, compare it with others.

```
declare ──► guide ──► fit(objective) ──► evaluate ──► compare ──► report
  p(x,z)     q(z|x)     SVI / adversarial     Estimate    Comparison    figures, HTML
```

This module is the whole public list. Each name is imported when it is first used (PEP 562), so that `import ppgen`
costs no import of torch, torchvision, arviz or matplotlib.
"""

from __future__ import annotations

__all__ = [
    "ELBO",
    "IWAE",
    "Adversarial",
    "Bidirectional",
    "BySite",
    "Callback",
    "Comparison",
    "CycleTranslation",
    "Dataset",
    "Estimate",
    "Evaluation",
    "Fit",
    "Guide",
    "GumbelSoftmax",
    "Loss",
    "MaximumLikelihood",
    "Metric",
    "Model",
    "Objective",
    "OutlierComparison",
    "OutlierScore",
    "PairedTranslation",
    "Player",
    "PosteriorComparison",
    "Program",
    "Scorecard",
    "Simulation",
    "State",
    "Step",
    "TotalCorrelation",
    "Unanswerable",
    "VectorQuantization",
    "WakeSleep",
    "check",
    "compare",
    "compare_posteriors",
    "data",
    "detect_outliers",
    "distributions",
    "errors",
    "evaluate",
    "evaluation",
    "fit",
    "guides",
    "implicit",
    "latent",
    "load",
    "metric",
    "models",
    "nets",
    "objectives",
    "observed",
    "report",
    "reporting",
    "zoo",
]

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    # `import a.b as b`, since a package that imports from itself is resolved in an order that mypy does not promise.
    import ppgen.data as data
    import ppgen.distributions as distributions
    import ppgen.errors as errors
    import ppgen.evaluation as evaluation
    import ppgen.guides as guides
    import ppgen.models as models
    import ppgen.nets as nets
    import ppgen.objectives as objectives
    import ppgen.reporting as reporting
    import ppgen.zoo as zoo
    from ppgen.by_site import BySite
    from ppgen.data import Dataset
    from ppgen.declare import Guide, Model, Program, check, implicit, latent, observed
    from ppgen.errors import Unanswerable
    from ppgen.estimate import Estimate
    from ppgen.evaluation import (
        Comparison,
        Evaluation,
        Metric,
        OutlierComparison,
        OutlierScore,
        PosteriorComparison,
        Scorecard,
    )
    from ppgen.evaluation.compare import compare
    from ppgen.evaluation.compare_posteriors import compare_posteriors
    from ppgen.evaluation.detect_outliers import detect_outliers
    from ppgen.evaluation.evaluate import evaluate
    from ppgen.evaluation.metric import metric
    from ppgen.fitted import Fit
    from ppgen.objectives import (
        ELBO,
        IWAE,
        Adversarial,
        Bidirectional,
        CycleTranslation,
        GumbelSoftmax,
        Loss,
        MaximumLikelihood,
        Objective,
        PairedTranslation,
        Player,
        Simulation,
        State,
        Step,
        TotalCorrelation,
        VectorQuantization,
        WakeSleep,
    )
    from ppgen.reporting.report import report
    from ppgen.training import Callback
    from ppgen.training.fit import fit
    from ppgen.training.load import load

_HOMES = {
    "ppgen.declare": ("Guide", "Model", "Program", "check", "implicit", "latent", "observed"),
    "ppgen.by_site": ("BySite",),
    "ppgen.data": ("Dataset",),
    "ppgen.errors": ("Unanswerable",),
    "ppgen.estimate": ("Estimate",),
    "ppgen.evaluation": (
        "Comparison",
        "Evaluation",
        "Metric",
        "OutlierComparison",
        "OutlierScore",
        "PosteriorComparison",
        "Scorecard",
        "compare",
        "compare_posteriors",
        "detect_outliers",
        "evaluate",
        "metric",
    ),
    "ppgen.fitted": ("Fit",),
    "ppgen.training": ("Callback", "fit", "load"),
    "ppgen.objectives": (
        "ELBO",
        "IWAE",
        "Adversarial",
        "Bidirectional",
        "CycleTranslation",
        "GumbelSoftmax",
        "Loss",
        "MaximumLikelihood",
        "Objective",
        "PairedTranslation",
        "Player",
        "Simulation",
        "State",
        "Step",
        "TotalCorrelation",
        "VectorQuantization",
        "WakeSleep",
    ),
    "ppgen.reporting": ("report",),
}
ACCESSORS = {
    "Fit": {
        "plot": "ppgen.reporting:FitPlots",
        "_repr_html_": "ppgen.reporting:fit_card",
        "traverse": "ppgen.walks:traverse",
        "interpolate": "ppgen.walks:interpolate",
        "arithmetic": "ppgen.walks:arithmetic",
        "invert": "ppgen.walks:invert",
        "manifold": "ppgen.walks:manifold",
        "complete": "ppgen.complete:complete",
        "translate": "ppgen.translate:translate",
        "gold_posterior": "ppgen.evaluation:gold_posterior",
        "classify": "ppgen.evaluation:classify",
        "outlier_score": "ppgen.evaluation:outlier_score",
        "with_noise": "ppgen.training.with_noise:with_noise",
    },
    "Scorecard": {"_repr_html_": "ppgen.reporting:scorecard_table"},
    "Walk": {"plot": "ppgen.reporting:draw_walk", "scores": "ppgen.evaluation:walk_scores"},
}
"""What upper rooms add to the objects of lower ones, by class and attribute: ``"module:member"``."""

_HOME = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # type checkers know all names from above, and so can tell a misspelt one

    def __getattr__(name: str) -> Any:
        """Import ``name`` on its first use; afterwards it is an ordinary attribute of this module."""
        if name in _HOME:
            value = getattr(importlib.import_module(_HOME[name]), name)
        elif name in __all__:
            value = importlib.import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
