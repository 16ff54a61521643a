from __future__ import annotations

from ppgen.evaluation import Comparison, PairedDifference
from ppgen.reporting.verdicts import ranks_in_words, verdicts_in_words


def test_a_shown_order_is_a_sentence_with_its_interval() -> None:
    pair = PairedDifference("bernoulli", "pixelcnn", -4.1, -4.4, -3.8, "pixelcnn is higher", "pixelcnn")
    (verdict,) = verdicts_in_words([pair], [])
    assert verdict.proven
    assert verdict.text == "pixelcnn assigns higher probability than bernoulli, by 4.10 nats per data point"
    assert verdict.interval == "[3.80, 4.40]"


def test_what_is_not_shown_keeps_the_words_of_the_comparison() -> None:
    bounds = PairedDifference("a", "b", 1.0, 0.9, 1.1, "bounds only: a's lower bound lies above b's lower bound")
    open_ = PairedDifference("a", "c", 0.1, -0.1, 0.3, "cannot be ranked: the interval includes 0")
    first, second = verdicts_in_words([bounds, open_], [])
    assert first.text == "a and b, bounds only: a's lower bound lies above b's lower bound"
    assert first.interval == "1.000 nats [0.900, 1.100]"
    assert second.text == "a and c cannot be ranked: the interval includes 0"
    assert not first.proven
    assert not second.proven


def test_shown_orders_come_first_and_silent_models_are_named_once(comparison: Comparison) -> None:
    verdicts = verdicts_in_words(comparison.pairs, comparison.ranking())
    assert [verdict.proven for verdict in verdicts] == sorted((v.proven for v in verdicts), reverse=True)
    about_gan = [verdict.text for verdict in verdicts if "gan" in verdict.text]
    assert about_gan == ["gan cannot be ranked: no density: implicit model"]


def test_ranks_are_grouped_by_what_is_ranked(comparison: Comparison) -> None:
    ((group, places),) = ranks_in_words(comparison.ranking())
    assert "log p(x) of digits" in group
    assert {name for _, name in places} == {"pixelcnn", "vae", "beta-vae"}


def test_an_interval_of_no_width_is_printed() -> None:
    pair = PairedDifference("a", "b", 2.0, 2.0, 2.0, "a is higher", "a")
    assert verdicts_in_words([pair], [])[0].interval == "[2.000, 2.000]"
