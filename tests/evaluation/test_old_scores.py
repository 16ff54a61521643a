from __future__ import annotations

from pathlib import Path

from ppgen.estimate import Estimate
from ppgen.evaluation import METRICS, Scorecard

# As ppgen wrote it when the questions were fields of a scorecard, and what it printed.
SCORES = """
{
 "name": "ConditionalVAE",
 "data": {
  "name": "digits",
  "size": 3,
  "split": "test"
 },
 "fingerprint": "f00d",
 "density": {
  "log_prob": {
   "value": -20.5,
   "standard_error": 0.5,
   "kind": "lower bound",
   "unit": "nats",
   "per": "datum",
   "measure": "binary",
   "estimator": "IWAE-20",
   "num_data": 3,
   "better": "higher"
  }
 },
 "sampling": {
  "kid": {
   "value": -0.001,
   "standard_error": 0.02,
   "kind": "unbiased",
   "unit": "",
   "per": "",
   "measure": "",
   "estimator": "cubic MMD²",
   "num_data": 3,
   "better": "lower"
  },
  "density": {
   "value": 0.9,
   "standard_error": 0.1,
   "kind": "biased",
   "unit": "",
   "per": "",
   "measure": "",
   "estimator": "",
   "num_data": 0,
   "better": ""
  }
 },
 "representation": {},
 "baselines": {
  "kid real/real": {
   "value": 0.0,
   "standard_error": 0.01,
   "kind": "unbiased",
   "unit": "",
   "per": "datum",
   "measure": "",
   "estimator": "",
   "num_data": 0,
   "better": ""
  }
 },
 "refusals": {
  "representation": "no guide",
  "bits_per_dim": "no bits"
 },
 "facts": {
  "model": "ConditionalVAE",
  "seed": 3,
  "density_of": "p(x | y)"
 },
 "num_per_datum": null
}
"""
PRINTED = """\
ConditionalVAE on digits, test split, 3 data points
  density
    log p           -20.50 ± 0.50 nats/datum (lower bound, IWAE-20, n=3, binary)
    code length     not answered: no bits
  sampling
    KID             -0.001 ± 0.020 (unbiased, cubic MMD², n=3)
      real/real                 0.000 ± 0.010
    density         0.90 ± 0.10 (biased)
  representation
    not answered: no guide"""


def test_an_old_file_is_read_and_printed_as_ever(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(SCORES, encoding="utf-8")
    card = Scorecard.load(tmp_path)
    assert str(card) == PRINTED
    assert card["density"]["log_prob"] == Estimate(
        -20.5, 0.5, "lower bound", "nats", measure="binary", estimator="IWAE-20", num_data=3, better="higher",
        of="p(x | y)",
    )  # fmt: skip
    assert card.density_of == "p(x | y)"
    assert dict(card.facts) == {"model": "ConditionalVAE", "seed": 3}
    assert card.refusals == {
        ("density", "bits_per_dim"): "no bits",
        **{("representation", m.key): "no guide" for m in METRICS if m.question == "representation"},
    }
    card.save(tmp_path)
    assert Scorecard.load(tmp_path).to_dict() == card.to_dict()
