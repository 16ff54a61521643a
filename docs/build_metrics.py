"""List all metrics of ppgen in ``docs/metrics.md``, as each says of itself: ``python docs/build_metrics.py``.

What a metric asks, what kind of number it gives and where it comes from stand in the docstring of its function; its
key, question, title, unit and direction in its registration.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from ppgen.evaluation import METRICS, ON_REQUEST, Metric
from ppgen.evaluation.metric import QUESTIONS, in_order

__all__ = ["PAGE", "page", "told"]

PAGE = Path(__file__).with_name("metrics.md")

_HEAD = """\
# All metrics

Written by `python docs/build_metrics.py` from what each metric says of itself; edit that, not this page.

`ppgen.evaluate(fit)` and `ppgen evaluate` measure those that are marked ●. The others are measured where they are
named: `metrics=["fid"]`, `ppgen evaluate RUN --metrics fid`; where a key is also the name of a question,
`"sampling.density"`. ↑ and ↓ say which direction is better. The kind says how the number stands to what it is of:
itself (*exact*), on average itself (*unbiased*), on one side of it (*lower bound*, *upper bound*), between two ends
(*interval*), or off by an amount that nobody knows (*biased*): such numbers compare at one number of points, beside
their floor. [How to read the numbers](reading-the-numbers.md) explains them, and [adding one](add-a-metric.md) takes a
function.
"""
_ASKED = QUESTIONS | {
    "clusters": "Do groups of codes, found without labels, agree with the classes?",
    "latent-space": "Are near codes near data, and does every code decode to something like data?",
    "disentanglement": "Does each unit of the code stand for one factor of the data?",
}
_ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}


def told(metric: Metric) -> tuple[str, str, str]:
    """What a metric asks, what kind of number it gives, and its source, from the docstring of its function."""
    text = inspect.getdoc(metric.function) or ""
    lines = dict(re.findall(r"^(Kind|Source): (.*)\.$", text, flags=re.MULTILINE))
    return text.partition("\n\n")[0].replace("\n", " "), lines["Kind"], lines["Source"]


def page() -> str:
    """The page: a table for each question."""
    ours = (*METRICS, *ON_REQUEST)
    parts = [_HEAD]
    for question in in_order(metric.question for metric in ours):
        parts += [f"## {question.capitalize()}", "", _ASKED[question], ""]
        parts += ["| key | in print | unit | what it is | kind | source |", "|---|---|---|---|---|---|"]
        parts += [_row(metric) for metric in ours if metric.question == question]
        parts += [""]
    return "\n".join(parts)


def _row(metric: Metric) -> str:
    asks, kind, source = told(metric)
    mark = "● " if metric in METRICS else ""
    cells = [f"{mark}`{metric.key}`", metric.title + _ARROWS[metric.better], metric.unit, asks, kind, source]
    return "| " + " | ".join(re.sub(r"\|(?![^`]*`\s)", "\\|", cell) for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
