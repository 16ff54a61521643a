"""Scores of disentanglement of any code: of a fit, or of a function from data to codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ppgen.checked import checked
from ppgen.data import as_dataset
from ppgen.estimate import Estimate
from ppgen.evaluation.beta_vae_score import beta_vae
from ppgen.evaluation.dci import dci_completeness, dci_disentanglement, dci_informativeness
from ppgen.evaluation.factor_vae_score import factor_vae
from ppgen.evaluation.factored import factored_by
from ppgen.evaluation.metric import Metric
from ppgen.evaluation.modularity import modularity
from ppgen.evaluation.mutual_information_gap import mig
from ppgen.evaluation.separated_predictability import sap

__all__ = ["DISENTANGLEMENT", "disentanglement"]

DISENTANGLEMENT: tuple[Metric, ...] = (
    *(mig, sap, dci_disentanglement, dci_completeness, dci_informativeness),
    *(modularity, factor_vae, beta_vae),
)


@checked
def disentanglement(
    encode: Callable[[Any], Any], data: Any, *, factors: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Estimate]:
    """All scores of disentanglement of a function from data to codes, by key.

    Of a fit, ``ppgen.evaluate(fit, ["disentanglement"])`` gives the same beside principal components. MIG and
    modularity are of the training rows; what is fitted to those is judged on the test rows. The scores disagree with
    each other (Locatello et al., 2019, Challenging common assumptions in the unsupervised learning of disentangled
    representations): look at several, and over several seeds of training.

    Args:
        encode: from values [N, ...] of the data's main site to codes [N, ...], as tensor or array.
        data: a data set with two factors at least, as columns with classes: ``"sprites"``, ``"glyphs-grid"``, or your
            own.
        factors: some of them; default: all. They ought to be independent of each other.
        seed: of what scores draw.

    Returns:
        ``{"mig": Estimate, "sap": ...}``.

    Raises:
        SettingError: for a factor that there is not.
        DataError: for codes that are not finite, or not as many as rows.
        Unanswerable: if fewer than two factors are known, or the codes say nothing.

    Example:
        >>> import ppgen, torch
        >>> size, place = torch.arange(400) % 4, torch.arange(400) // 4 % 5
        >>> x = torch.stack([size, place], 1).float()
        >>> data = ppgen.data.from_tensors({"x": x, "size": size, "place": place})
        >>> found = disentanglement(lambda x: x, data)
        >>> found["mig"].value > 0.99, found["dci_disentanglement"].value
        (True, 1.0)
    """
    found = factored_by(encode, as_dataset(data), factors, seed)
    scores = {metric.key: metric.function(found).estimate for metric in DISENTANGLEMENT}
    return {key: estimate for key, estimate in scores.items() if estimate is not None}
