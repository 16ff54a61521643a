"""Features to judge samples in: from a network that is trained on the data set itself and kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ppgen.data.dataset import Dataset, main_site
from ppgen.declare.missing import MISSING
from ppgen.evaluation.network import ARCHITECTURE, FeatureNetwork, train_features

__all__ = ["cache_folder", "feature_network"]

_MOST_ROWS = 20_000  # more than the 300 batches of 64 can see


def feature_network(data: Dataset, *, seed: int = 0, cache: Path | str | None = None) -> FeatureNetwork:
    """The feature network of a data set: read from the cache, or trained in a few seconds.

    It learns to classify the training split by every integer covariate that the data set has, or without labels to
    tell how images were turned (see :func:`~ppgen.evaluation.network.train_features`). Nothing is downloaded.
    All models of one data set share it, whatever labels or pixels of it they were shown, and its ``hash`` is printed
    with every figure, because numbers in other features do not compare.

    Args:
        data: the data set.
        seed: of weights and batches.
        cache: the folder; default ``features`` in :func:`cache_folder`.

    Returns:
        The network; ``network.features(x)`` gives [N, F] and ``network.hash`` its identity.
    """
    data = data.origin or data
    # The fingerprint covers values, labels, types and shapes.
    key = json.dumps([data.fingerprint("train"), dict(data.num_classes), ARCHITECTURE, seed])
    folder = cache_folder() / "features" if cache is None else Path(cache)
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"
    network = _read(path)
    if network is None:
        network = _train(data, seed)
        _write(network, path)
    return network


def cache_folder() -> Path:
    """Where ppgen keeps what may be lost without harm: ``$PPGEN_CACHE``, else ``ppgen`` in the user's cache folder."""
    if own := os.environ.get("PPGEN_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ppgen"


def _train(data: Dataset, seed: int) -> FeatureNetwork:
    split = data.split("train")
    main = main_site(split)
    rows = torch.randperm(data.size("train"), generator=torch.Generator().manual_seed(seed))
    rows = rows.to(split[main].device)
    tasks = {key: classes for key, classes in data.num_classes.items() if key != main and split[key].dim() == 1}
    for key in tasks:  # labels may be missing
        rows = rows[split[key][rows] != MISSING]
    rows = rows[:_MOST_ROWS]
    return train_features(split[main][rows], {key: split[key][rows] for key in tasks}, tasks, seed)


def _read(path: Path) -> FeatureNetwork | None:
    """The network of a cache file, or ``None`` where there is no such file or it is not what was written."""
    try:
        with safe_open(str(path), "pt") as file:
            facts = file.metadata()
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (the file is no mapping)
    except (OSError, SafetensorError):
        return None
    network = FeatureNetwork(tuple(json.loads(facts["event_shape"])), json.loads(facts["tasks"]))
    network.load_state_dict(weights)
    network.eval().requires_grad_(False)
    return network if network.hash == facts["hash"] else None


def _write(network: FeatureNetwork, path: Path) -> None:
    facts = {
        "hash": network.hash,
        "event_shape": json.dumps(network.event_shape),
        "tasks": json.dumps({name: head.out_features for name, head in network.heads.items()}),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Renaming is atomic: two evaluations at once, or one that is killed, never leave half a file.
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
            save_file(dict(network.state_dict()), part.name, metadata=facts)
        os.replace(part.name, path)
    except OSError as error:
        warnings.warn(f"the feature network could not be kept for the next evaluation: {error}", stacklevel=3)
