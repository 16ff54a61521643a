"""What networks are fed: any batch dimensions, labels as vectors, several inputs joined into one."""

from __future__ import annotations

import pyro
import pytest
import torch

from ppgen.errors import DataError
from ppgen.nets import join, one_hot, over_batch


@pytest.mark.parametrize("batch", [(), (5,), (2, 3), (2, 1, 4), (0,), (3, 0)])
def test_gives_what_a_loop_over_events_gives(batch):
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(2, 3, 3)
    x = torch.randn(*batch, 2, 5, 6)
    expected = torch.empty(*batch, 3, 3, 4)
    for index in torch.cartesian_prod(*(torch.arange(n) for n in batch)).reshape(-1, len(batch)) if batch else [()]:
        where = tuple(int(i) for i in index)
        expected[where] = convolution(x[where].unsqueeze(0)).squeeze(0)
    torch.testing.assert_close(over_batch(convolution, x, event_dim=3), expected)


def test_one_hot_marks_the_class():
    y = torch.tensor([[0, 3], [2, 2]])
    assert torch.equal(one_hot(y, 4), torch.eye(4)[y])


def test_one_hot_follows_the_default_dtype():
    previous = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert one_hot(torch.tensor([1]), 2).dtype == torch.float64
    finally:
        torch.set_default_dtype(previous)


@pytest.mark.parametrize("wrong", [[0, 10], [-1, 3]])
def test_label_out_of_range_is_named_with_the_fix(wrong):
    with pyro.validation_enabled(True), pytest.raises(DataError, match=r"1 class labels are out of range") as caught:
        one_hot(torch.tensor(wrong), 10)
    assert caught.value.expected == "0 .. 9"
    assert caught.value.got in ("10", "-1")
    assert "num_classes" in caught.value.fix


def test_labels_that_are_not_whole_numbers_are_refused():
    with pytest.raises(DataError, match="not whole numbers") as caught:
        one_hot(torch.tensor([0.0, 1.0]), 10)
    assert "float32" in caught.value.got


def test_join_broadcasts_batch_dimensions():
    torch.manual_seed(0)
    z, y = torch.randn(7, 3, 2), torch.randn(3, 5)
    joined = join(z, y)
    assert joined.shape == (7, 3, 7)
    assert torch.equal(joined[4], torch.cat([z[4], y], -1))
