from __future__ import annotations

from ppgen.errors import Unanswerable
from ppgen.evaluation.answer import Answer, reason_of


def test_a_refusal_fits_on_one_line() -> None:
    error = Unanswerable("no density: implicit model", fix="declare an observation")
    assert reason_of(error) == "no density: implicit model; fix: declare an observation"


def test_answers_share_nothing() -> None:
    Answer().refusals["density"] = "because"
    assert Answer().refusals == {}
