from __future__ import annotations

from ppgen.reporting.numerals import numeral


def test_numerals_round_and_carry_a_true_minus() -> None:
    assert numeral(-18.437, 2) == "−18.44"
    assert numeral(1234.5, 1) == "1234.5"
    assert numeral(-0.0, 0) == "0"
    assert numeral(-0.04, 1) == "0.0"
    assert numeral(-0.05001, 1) == "−0.1"
