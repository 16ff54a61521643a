"""The image transformer: what each pixel sees, against its definition; steps against whole passes; enumerated sums."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from ppgen.distributions import Autoregressive
from ppgen.distributions.causal_network import WholePasses
from ppgen.errors import SettingError
from ppgen.nets import ImageTransformer
from ppgen.nets.attention import BlockAttention, FullAttention, along_lines, around_blocks
from tests.oracles.chi_square import p_value

KINDS = ("local-1d", "local-2d", "global")
every_kind = pytest.mark.parametrize("kind", KINDS)
# Blocks that divide the image, and that do not; a block as large as the image.
every_grid = pytest.mark.parametrize(
    ("grid", "block"), [((4, 6), (2, 3)), ((5, 7), (2, 3)), ((3, 4), (1, 1)), ((3, 3), (9, 9))], ids=str
)


def sees(kind: str, grid: tuple[int, int], block: tuple[int, int], i: int, j: int) -> bool:
    """Whether pixel i attends to what is held at j, by the words of the definition."""
    height, width = min(block[0], grid[0]), min(block[1], grid[1])
    if j > i:
        return False
    if kind == "local-1d":
        return i // (height * width) - j // (height * width) <= 1
    if kind == "local-2d":
        (row, column), (other_row, other_column) = divmod(i, grid[1]), divmod(j, grid[1])
        top, left = row // height * height, column // width * width
        is_beside = left - width // 2 <= other_column < left + width + width // 2
        return other_row >= top - height and is_beside
    return True


def network(kind: str, grid: tuple[int, int], block: tuple[int, int], num_layers: int = 2, channels: int = 1,
            **sizes: int) -> ImageTransformer:  # fmt: skip
    """In float64, with weights large enough that no dependence hides behind a small number."""
    torch.manual_seed(0)
    net = ImageTransformer((channels, *grid), 6, num_layers, 2, kind, block, **sizes)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return net.double()


def looks_back(net: ImageTransformer, x: Tensor, context: Tensor | None) -> Tensor:
    """``[pixels, pixels]``: whether the parameters of pixel i read pixel j, by gradients."""
    jacobian = torch.autograd.functional.jacobian(lambda x: net(x, context), x)
    pixels = math.prod(x.shape[1:])
    return jacobian.reshape(-1, pixels, len(x), pixels).abs().sum((0, 2)) != 0


@every_kind
@every_grid
def test_one_layer_reads_exactly_what_the_definition_says(kind, grid, block):
    # What is held at j says which pixel is before it: to see j + 1 is to read j.
    net, pixels = network(kind, grid, block, num_layers=1), grid[0] * grid[1]
    found = looks_back(net, torch.rand(1, *grid, dtype=torch.float64), None)
    wanted = [[j + 1 < pixels and sees(kind, grid, block, i, j + 1) for j in range(pixels)] for i in range(pixels)]
    assert torch.equal(found, torch.tensor(wanted))


@every_kind
@pytest.mark.parametrize(("channels", "context_dim"), [(1, 0), (2, 3)])
def test_layers_reach_further_and_never_ahead(kind, channels, context_dim):
    net = network(kind, (4, 6), (2, 3), num_layers=4, channels=channels, context_dim=context_dim)
    context = torch.randn(context_dim, dtype=torch.float64) if context_dim else None
    found = looks_back(net, torch.rand(channels, 4, 6, dtype=torch.float64), context)
    assert not found.triu().any()
    assert found[-1, :-1].all(), "four layers carry the first pixel to the last one"


@every_kind
@every_grid
def test_attention_is_a_softmax_over_what_is_seen(kind, grid, block):
    block = min(block[0], grid[0]), min(block[1], grid[1])
    pixels = grid[0] * grid[1]
    pattern = {
        "local-1d": lambda: BlockAttention(along_lines(grid, block)),
        "local-2d": lambda: BlockAttention(around_blocks(grid, block)),
        "global": lambda: FullAttention(pixels),
    }[kind]().double()
    queries, keys, values = torch.randn(3, 5, pixels, 4, dtype=torch.float64)
    seen = torch.tensor([[sees(kind, grid, block, i, j) for j in range(pixels)] for i in range(pixels)])
    heads = [each.unflatten(-1, (2, 2)).transpose(1, 2) for each in (queries, keys, values)]
    scores = (heads[0] @ heads[1].mT / math.sqrt(2)).masked_fill(~seen, -torch.inf)
    expected = (scores.softmax(-1) @ heads[2]).transpose(1, 2).flatten(2)
    torch.testing.assert_close(pattern(queries, keys, values, 2), expected)


@every_kind
@every_grid
@pytest.mark.parametrize(("context_dim", "num_parameters", "channels"), [(0, 1, 1), (3, 4, 2)])
def test_pixel_by_pixel_equals_all_at_once(kind, grid, block, context_dim, num_parameters, channels):
    highest = max(1, num_parameters - 1)
    net = network(kind, grid, block, channels=channels, context_dim=context_dim, num_parameters=num_parameters,
                  highest=highest)  # fmt: skip
    x = (torch.rand(4, channels, *grid, dtype=torch.float64) * highest).round()
    context = torch.randn(4, context_dim, dtype=torch.float64) if context_dim else None
    with torch.no_grad():
        expected, values = net(x, context).flatten(2), x.flatten(2)
        state, previous = net.start(4, context), torch.zeros(4, channels, dtype=torch.float64)
        for position in range(grid[0] * grid[1]):
            parameters, state = net.step(state, previous, position)
            torch.testing.assert_close(parameters, expected[..., position])
            previous = values[..., position]


# In 1-D two blocks of 6; in 2-D three lines of 8, and of the fourth what lies between the corners of block and memory.
@pytest.mark.parametrize(("kind", "slots"), [("local-1d", 12), ("local-2d", 28), ("global", 48)])
def test_no_more_is_kept_than_is_looked_at(kind, slots):
    state = ImageTransformer((1, 6, 8), 4, 1, 2, kind, (2, 3)).start(5)
    assert state.layers.keys[0].shape == state.layers.values[0].shape == (10, slots, 2)


@every_kind
def test_draws_are_those_of_naive_resampling(kind):
    net = network(kind, (4, 5), (2, 3), context_dim=2)
    context = torch.randn(6, 2, dtype=torch.float64)
    fn, whole = Autoregressive(net, (1, 4, 5), context), WholePasses(net, torch.zeros(1, 20).double(), (1, 4, 5))
    torch.manual_seed(3)
    drawn = fn.sample()
    torch.manual_seed(3)
    state, previous, values = whole.start(6, context), torch.zeros(6, 1, dtype=torch.float64), []
    with torch.no_grad():
        for position in range(20):
            parameters, state = whole.step(state, previous, position)
            previous = fn.conditional.sample(parameters, 1)
            values.append(previous)
    assert torch.equal(drawn.flatten(1), torch.cat(values, 1))


@every_kind
def test_probabilities_sum_to_one_and_draws_follow_them(kind):
    net = network(kind, (3, 3), (2, 2))
    fn = Autoregressive(net, (1, 3, 3))
    images = torch.tensor(list(itertools.product([0.0, 1.0], repeat=9)), dtype=torch.float64).reshape(-1, 1, 3, 3)
    with torch.no_grad():
        probabilities = fn.log_prob(images).exp()
    assert abs(probabilities.sum() - 1.0) < 1e-12
    torch.manual_seed(1)
    drawn = fn.sample((20_000,)).flatten(1)
    index = (drawn @ 2.0 ** torch.arange(8, -1, -1, dtype=torch.float64)).long()
    assert p_value(index.bincount(minlength=512), probabilities) > 0.001


def test_masks_are_not_saved_and_a_width_that_heads_do_not_divide_is_refused():
    net = ImageTransformer((1, 4, 4), 4, 1, 2)
    assert set(net.state_dict()) == {name for name, _ in net.named_parameters()}
    with pytest.raises(SettingError, match="do not divide") as caught:
        ImageTransformer((1, 4, 4), hidden=6, num_heads=4)
    assert caught.value.fix == "hidden=8"


def test_places_begin_as_waves_so_that_what_lies_a_step_away_is_told_from_anywhere():
    # Rows lie in one half of the features and columns in the other; products are a function of the offset alone.
    places = ImageTransformer((1, 5, 7), 8, 1, 2)._places().detach().unflatten(0, (5, 7))
    assert len(places.flatten(0, 1).unique(dim=0)) == 35
    products = torch.einsum("ijf,klf->ijkl", places, places)
    for down, aside in itertools.product(range(3), range(3)):
        pairs = torch.stack([products[i, j, i + down, j + aside] for i in range(5 - down) for j in range(7 - aside)])
        torch.testing.assert_close(pairs, pairs[:1].expand(len(pairs)), rtol=1e-5, atol=1e-5)
