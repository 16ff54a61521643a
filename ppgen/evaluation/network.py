"""The network whose features sampling metrics live in: small, trained here, the same for the same data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ARCHITECTURE", "FeatureNetwork", "train_features"]

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
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("feature_mean", torch.zeros(size))
        self.register_buffer("feature_std", torch.ones(size))
        self.body = _body(event_shape) if tasks else nn.Flatten()
        self.heads = nn.ModuleDict({name: nn.Linear(size, classes) for name, classes in tasks.items()})

    def raw(self, x: Tensor) -> Tensor:
        """Features before standardisation: linear outputs, so that none is ever dead."""
        return self.body((x - self.centre) / self.scale)

    def forward(self, x: Tensor) -> Tensor:
        """Features [N, F] of x [N, *event_shape], with mean 0 and variance 1 over the training data."""
        return (self.raw(x) - self.feature_mean) / self.feature_std

    @torch.no_grad()
    def features(self, x: Tensor, batch_size: int = 1024) -> Tensor:
        """Features [N, F] on the CPU of data anywhere, in batches."""
        return torch.cat([self(part.detach().cpu().float()) for part in x.split(batch_size)])

    @property
    def hash(self) -> str:
        """SHA-256 over names, shapes and bytes of all weights: figures compare where these digits agree."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
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
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
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
    layers: list[nn.Module] = []
    stride = 1 if max(height, width) <= 12 else 2
    for width_out in (32, 64):
        layers += [nn.Conv2d(channels, width_out, 3, stride, padding=1), nn.ReLU()]
        height, width = -(-height // stride), -(-width // stride)
        channels, stride = width_out, 2
    while max(height, width) > 4:
        layers += [nn.Conv2d(channels, 64, 3, 2, padding=1), nn.ReLU()]
        height, width = -(-height // 2), -(-width // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, _NUM_FEATURES))


def _turn(images: Tensor, answers: Tensor) -> Tensor:
    """Each image in one of four positions: quarter turns of squares; reflections of other rectangles."""
    if images.shape[-1] == images.shape[-2]:
        positions = [images.rot90(i, (-2, -1)) for i in range(4)]
    else:
        positions = [images, images.flip(-1), images.flip(-2), images.flip((-2, -1))]
    return torch.stack(positions)[answers, torch.arange(len(images))]
