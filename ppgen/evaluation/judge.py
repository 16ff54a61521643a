"""A judge of decoded data: a classifier of attributes that has seen real data alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from torch import Tensor

from ppgen.checked import checked
from ppgen.data import Dataset
from ppgen.data.dataset import main_site
from ppgen.declare import MISSING
from ppgen.estimate import Estimate
from ppgen.evaluation.features import feature_network
from ppgen.evaluation.probes import accuracy

__all__ = ["Judge", "judge_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class Judge:
    """What is asked of decoded data; :func:`judge_of` makes one of a data set, or it is made of networks of your own.

    Args:
        classify: from values [N, *event] to the probabilities [N, K] of the classes of each attribute, by name.
        features: from the same to features [N, F], in which steps are measured.
        site: whose values it looks at.
        accuracy: of each attribute on real data that it was not fitted to; empty if nobody has measured it.
        name: what it is, for print.

    Example:
        >>> judge = Judge(lambda x: {"bright": torch.stack([1.0 - x.mean(1), x.mean(1)], 1)}, lambda x: x)
        >>> judge.classify(torch.ones(1, 4))["bright"]
        tensor([[0., 1.]])
    """

    classify: Callable[[Tensor], Mapping[str, Tensor]]
    features: Callable[[Tensor], Tensor]
    site: str = "x"
    accuracy: Mapping[str, Estimate] = dataclasses.field(default_factory=dict)
    name: str = "a judge of the user's own"

    def __str__(self) -> str:
        told = ", ".join(f"{name} {float(found):.3f}" for name, found in self.accuracy.items())
        return self.name + (f"; accuracy on real test data: {told}" if told else "")


@checked
def judge_of(data: Dataset, *, seed: int = 0) -> Judge:
    """The feature network of a data set as a judge of every attribute that the data have classes of.

    It was trained on the training split alone, and has seen no model. Of bits, it has seen bits, and judges bits: each
    decoded pixel at its more probable value, since edges that are soft with doubt are unlike all data. Its features
    are of the values as they are, so that small steps count.

    Args:
        data: the data set; those without labels give a judge of steps alone.
        seed: of the network.

    Returns:
        The judge, with its accuracy on the test split.

    Example:
        >>> import ppgen
        >>> data = ppgen.data.load("digits")
        >>> judge = judge_of(data)
        >>> judge.classify(data.split("test")["x"][:5])["y"].shape
        torch.Size([5, 10])
    """
    whole = data.origin or data
    network = feature_network(whole, seed=seed)
    test = whole.split("test")
    main = main_site(test)
    attributes = [name for name in whole.num_classes if name in network.heads]

    def classify(x: Tensor) -> dict[str, Tensor]:
        logits = network.logits(x > 0.5 if whole.measure == "binary" else x)
        return {name: logits[name].softmax(1) for name in attributes}

    found = classify(test[main])
    scores = {}
    for name in attributes:
        known = (test[name] != MISSING).cpu()
        chosen, labels = (values.cpu()[known].numpy() for values in (found[name].argmax(1), test[name]))
        scores[name] = accuracy(chosen, labels, f"feature network {network.hash[:8]}")
    told = f"the feature network of {whole.name} ({network.hash[:8]})"
    return Judge(classify, network.features, main, scores, told)
