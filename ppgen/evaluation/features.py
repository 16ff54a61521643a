"""The feature network of a data set, in whose features samples are judged: small, trained locally, kept on disk."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from ppgen.context import seeded
from ppgen.data.dataset import Dataset, main_site
from ppgen.declare import MISSING
from ppgen.errors import CheckpointError
from ppgen.files import cache_folder, replace

__all__ = ["ARCHITECTURE", "FeatureNetwork", "feature_network", "hash_of", "train_features"]


ARCHITECTURE = "conv 32-64 or MLP 128, 64 features, 300 steps (v1)"  # part of the cache key: change it with the code

_NUM_FEATURES = 64
_STEPS, _BATCH, _LEARNING_RATE, _WEIGHT_DECAY = 300, 64, 3e-3, 1e-2


class FeatureNetwork(nn.Module):
    """Data to 64 standardised features, and from these to the tasks that it was trained on.

    Images pass 3x3 convolutions that halve them down to 4x4 at most, everything else a layer of 128 units. Without a
    task nothing is learned: the features are the standardised coordinates themselves.

    Args:
        event_shape: shape of a data point, [C, H, W] for images.
        tasks: number of classes of each task.
    """

    centre: Tensor
    scale: Tensor
    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, event_shape: tuple[int, ...], tasks: Mapping[str, int]) -> None:
        super().__init__()
        self.event_shape = event_shape
        size = _NUM_FEATURES if tasks else torch.Size(event_shape).numel()
        for shift, spread, shape in (("centre", "scale", ()), ("feature_mean", "feature_std", (size,))):
            self.register_buffer(shift, torch.zeros(shape))
            self.register_buffer(spread, torch.ones(shape))
        self.body = _body(event_shape) if tasks else nn.Flatten()
        self.heads = nn.ModuleDict({name: nn.Linear(size, classes) for name, classes in tasks.items()})

    def raw(self, x: Tensor) -> Tensor:
        """Features [N, F] of x [N, *event_shape] before standardisation: linear outputs, so that none is ever dead."""
        # A single number a data point is a vector of one.
        return self.body(((x - self.centre) / self.scale).reshape(len(x), *(self.event_shape or (1,))))

    def forward(self, x: Tensor) -> Tensor:
        """Features [N, F] of x [N, *event_shape], with mean 0 and variance 1 over the training data."""
        return (self.raw(x) - self.feature_mean) / self.feature_std

    @torch.no_grad()
    def features(self, x: Tensor, batch_size: int = 1024) -> Tensor:
        """Features on the CPU of data anywhere.

        Args:
            x: [N, *event_shape].
            batch_size: data points at a time.

        Returns:
            [N, F]
        """
        return torch.cat([self(part.detach().cpu().float()) for part in x.split(batch_size)])

    @torch.no_grad()
    def logits(self, x: Tensor, batch_size: int = 1024) -> dict[str, Tensor]:
        """The scores [N, classes] of each task for data anywhere, on the CPU.

        Args:
            x: [N, *event_shape].
            batch_size: data points at a time.
        """
        hidden = torch.cat([self.raw(part.detach().cpu().float()).relu() for part in x.split(batch_size)])
        return {task: head(hidden) for task, head in self.heads.items()}

    def classes(self, x: Tensor, task: str, batch_size: int = 1024) -> Tensor:
        """The most probable class [N] of each data point, on the CPU.

        Args:
            x: [N, *event_shape].
            task: that the network was trained on.
            batch_size: data points at a time.
        """
        return self.logits(x, batch_size)[task].argmax(1)

    @property
    def hash(self) -> str:
        """SHA-256 over names, shapes and bytes of all weights: figures compare where these digits agree."""
        return hash_of(self)


def hash_of(network: nn.Module, name: str = "") -> str:
    """SHA-256 over names, shapes and bytes of all weights of a network.

    Args:
        network: with weights anywhere.
        name: that goes before them, where weights alone do not say what is done with them.

    Example:
        >>> hash_of(nn.ReLU(), "ReLU") == hash_of(nn.ReLU(), "GELU")
        False
    """
    digest = hashlib.sha256(name.encode())
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def train_features(x: Tensor, targets: Mapping[str, Tensor], tasks: Mapping[str, int], seed: int) -> FeatureNetwork:
    """Train a network on classification tasks, on the CPU and one thread: the same weights for the same arguments.

    Without tasks there is nothing to learn, but for images whose sides are equal, which are told apart by their
    rotation (Gidaris, Singh and Komodakis, 2018), and other images, by their reflection. Vectors without labels keep
    their own coordinates, standardised: no change of a vector is known to leave its meaning alone, so there is
    nothing to learn from, and the Euclidean distance between standardised coordinates is the usual one.

    Args:
        x: [N, *event_shape].
        targets: labels [N] of each task; empty where the data have none.
        tasks: number of classes of each task; the same keys.
        seed: of weights and batches.

    Returns:
        The network in evaluation mode; the global random state is as before.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order would give other weights, and so another hash
    try:
        with seeded(seed, torch.device("cpu")):
            return _train(x.detach().cpu().float(), targets, tasks)
    finally:
        torch.set_num_threads(threads)


def _train(x: Tensor, targets: Mapping[str, Tensor], tasks: Mapping[str, int]) -> FeatureNetwork:
    turned = not tasks and x.dim() == 4
    network = FeatureNetwork(tuple(x.shape[1:]), {"turn": 4} if turned else tasks)
    with torch.no_grad():
        network.centre.copy_(x.mean())
        network.scale.copy_(x.std().clamp(min=1e-6))
    if network.heads:
        optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=_LEARNING_RATE, total_steps=_STEPS)
        for _ in range(_STEPS):
            rows = torch.randint(len(x), (_BATCH,))
            batch, answers = x[rows], {name: labels.cpu()[rows] for name, labels in targets.items()}
            if turned:
                answers = {"turn": torch.randint(4, (_BATCH,))}
                batch = _turn(batch, answers["turn"])
            hidden = F.dropout(network.raw(batch).relu(), 0.2)
            losses = [F.cross_entropy(head(hidden), answers[name]) for name, head in network.heads.items()]
            optimizer.zero_grad()
            torch.stack(losses).sum().backward()
            optimizer.step()
            schedule.step()
    network.eval().requires_grad_(False)
    with torch.no_grad():
        raw = torch.cat([network.raw(part) for part in x.split(1024)])
        spread = raw.std(dim=0)
        network.feature_mean.copy_(raw.mean(dim=0))
        # A coordinate that is constant in the data keeps its own scale.
        network.feature_std.copy_(torch.where(spread > 1e-6, spread, torch.ones_like(spread)))
    return network


def _body(event_shape: tuple[int, ...]) -> nn.Module:
    if len(event_shape) != 3:
        size = torch.Size(event_shape).numel()
        return nn.Sequential(nn.Flatten(), nn.Linear(size, 128), nn.ReLU(), nn.Linear(128, _NUM_FEATURES))
    channels, height, width = event_shape
    stride = 1 if max(height, width) <= 12 else 2
    layers: list[nn.Module] = []
    while len(layers) < 4 or max(height, width) > 4:  # at least two convolutions
        width_out = 64 if layers else 32
        layers += [nn.Conv2d(channels, width_out, 3, stride, padding=1), nn.ReLU()]
        height, width = -(-height // stride), -(-width // stride)
        channels, stride = width_out, 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, _NUM_FEATURES))


def _turn(images: Tensor, answers: Tensor) -> Tensor:
    """Each image in one of four positions: quarter turns of squares; reflections of other rectangles."""
    if images.shape[-1] == images.shape[-2]:
        positions = [images.rot90(i, (-2, -1)) for i in range(4)]
    else:
        positions = [images, images.flip(-1), images.flip(-2), images.flip((-2, -1))]
    return torch.stack(positions)[answers, torch.arange(len(images))]


_MOST_ROWS = 20_000  # more than the 300 batches of 64 can see


def feature_network(data: Dataset, *, seed: int = 0, cache: Path | str | None = None) -> FeatureNetwork:
    """The feature network of a data set: read from the cache, or trained in a few seconds.

    It learns to classify the training split by every integer covariate that the data set has, or without labels to
    tell how images were turned (see :func:`~ppgen.evaluation.features.train_features`). Nothing is downloaded.
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
        split = data.split("train")
        main = main_site(split)
        tasks = {key: classes for key, classes in data.num_classes.items() if key != main and split[key].dim() == 1}
        rows = torch.randperm(data.size("train"), generator=torch.Generator().manual_seed(seed)).to(split[main].device)
        for key in tasks:  # labels may be missing
            rows = rows[split[key][rows] != MISSING]
        targets = {key: split[key][rows[:_MOST_ROWS]] for key in tasks}
        network = train_features(split[main][rows[:_MOST_ROWS]], targets, tasks, seed)
        _write(network, path)
    return network


def _read(path: Path) -> FeatureNetwork | None:
    """The network of a cache file, or ``None`` where there is no such file or it is not what was written."""
    try:
        with safe_open(str(path), "pt") as file:
            facts = file.metadata()
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (the file is no mapping)
    except (OSError, SafetensorError):
        return None
    with torch.random.fork_rng(devices=[]):  # layers draw first weights, and nobody wants them
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
        replace(path, lambda part: save_file(dict(network.state_dict()), part, metadata=facts))
    except CheckpointError as error:
        warnings.warn(f"the feature network could not be kept for the next evaluation: {error.got}", stacklevel=3)
