"""What codes keep and where they lie: data above its reconstruction, and the latent space."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from ppgen.errors import DataError
from ppgen.reporting import latent_space, reconstructions
from ppgen.reporting.codes import principal_components
from ppgen.reporting.mosaic import mosaic

RNG = np.random.default_rng(0)


def test_each_picture_stands_above_its_reconstruction() -> None:
    upper, lower = RNG.uniform(size=(8, 1, 4, 4)), RNG.uniform(size=(8, 1, 4, 4))
    drawn = reconstructions(upper, lower, columns=6)
    assert len(drawn.figure.axes) == 2
    for line, axes in enumerate(drawn.figure.axes):
        rows = slice(6 * line, 6 * line + 6)
        image = np.asarray(axes.images[0].get_array())
        np.testing.assert_array_equal(image[:4], mosaic(upper[rows], 6, (0.0, 1.0)))
        np.testing.assert_array_equal(image[-4:], mosaic(lower[rows], 6, (0.0, 1.0)))
        assert [label.get_text() for label in axes.get_yticklabels()] == ["data", "reconstruction"]
    error = np.sqrt(((upper - lower) ** 2).mean())
    assert f"{error:.3f}" in drawn.caption


def test_pairs_are_joined() -> None:
    upper, lower = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 2))
    (axes,) = reconstructions(upper, lower).figure.axes
    np.testing.assert_allclose(axes.collections[0].get_offsets(), upper)
    np.testing.assert_allclose(axes.collections[1].get_offsets(), lower)
    for line, start, end in zip(axes.lines, upper, lower, strict=True):
        np.testing.assert_allclose(line.get_xydata(), [start, end])


def test_single_numbers_stand_against_the_identity() -> None:
    (axes,) = reconstructions(np.array([1.0, 2.0]), np.array([1.5, 2.5])).figure.axes
    np.testing.assert_allclose(axes.collections[0].get_offsets(), [[1.0, 1.5], [2.0, 2.5]])


def test_longer_vectors_are_overlaid() -> None:
    upper, lower = RNG.normal(size=(12, 9)), RNG.normal(size=(12, 9))
    (axes,) = reconstructions(upper, lower).figure.axes
    assert [len(lines.get_segments()) for lines in axes.collections] == [12, 12]


def test_shapes_must_agree() -> None:
    with pytest.raises(DataError, match="differ in shape"):
        reconstructions(np.zeros((3, 2)), np.zeros((4, 2)))


def test_two_dimensions_are_drawn_as_they_are_by_label() -> None:
    codes, labels = RNG.normal(size=(30, 2)), np.arange(30) % 3
    axes = latent_space(torch.tensor(codes), torch.tensor(labels)).figure.axes[0]
    assert [dots.get_label() for dots in axes.collections] == ["0", "1", "2"]
    for label, dots in enumerate(axes.collections):
        np.testing.assert_allclose(dots.get_offsets(), codes[labels == label])
    assert [text.get_text() for text in axes.texts] == ["0", "1", "2"]
    assert len(axes.get_legend().get_texts()) == 3


def test_names_of_classes_at_one_place_stand_side_by_side() -> None:
    labels = np.arange(40) % 4
    codes = RNG.normal(size=(40, 2)) + np.where(labels[:, None] == 3, 50.0, 0.0)
    codes[labels == 1] = codes[labels == 0]
    axes = latent_space(codes, labels).figure.axes[0]
    places = axes.transData.transform([text.xy for text in axes.texts])
    apart = np.linalg.norm(places[:, None] - places, axis=-1)[np.triu_indices(4, 1)]
    assert apart.min() > 15 * axes.figure.dpi / 72
    np.testing.assert_allclose(axes.texts[3].xy, np.median(codes[labels == 3], axis=0))


def test_principal_components_are_those_of_scikit_learn_up_to_sign() -> None:
    codes = RNG.normal(size=(50, 6)) @ RNG.normal(size=(6, 6))
    points, explained = principal_components(codes)
    reference = PCA(2).fit(codes)
    np.testing.assert_allclose(np.abs(points), np.abs(reference.transform(codes)), atol=1e-9)
    np.testing.assert_allclose(explained, reference.explained_variance_ratio_)


def test_axes_state_the_explained_variance() -> None:
    codes = RNG.normal(size=(200, 5)) * [9.0, 3.0, 1.0, 1.0, 1.0]
    axes = latent_space(codes).figure.axes[0]
    _, explained = principal_components(codes)
    assert axes.get_xlabel() == f"component 1 ({explained[0]:.0%} of variance)"
    assert axes.get_ylabel() == f"component 2 ({explained[1]:.0%} of variance)"


def test_the_sign_does_not_depend_on_the_order_of_the_data() -> None:
    codes = RNG.normal(size=(40, 4))
    order = RNG.permutation(40)
    np.testing.assert_allclose(principal_components(codes)[0][order], principal_components(codes[order])[0], atol=1e-9)


def test_one_dimension_is_a_line_a_label() -> None:
    codes = RNG.normal(size=20)
    axes = latent_space(codes, np.arange(20) % 2).figure.axes[0]
    np.testing.assert_allclose(axes.collections[1].get_offsets()[:, 1], 1.0)
    np.testing.assert_allclose(axes.collections[1].get_offsets()[:, 0], codes[1::2])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_more_labels_than_colours_share_one_scale(dims: int) -> None:
    drawn = latent_space(RNG.normal(size=(60, dims)), np.arange(60) % 30)
    dots = drawn.figure.axes[0].collections[0]
    np.testing.assert_array_equal(dots.get_array(), np.arange(60) % 30)
    assert len(drawn.figure.axes) == 2  # the second is the scale


@pytest.mark.parametrize("codes", [np.ones((5, 3)), np.ones((1, 3)), np.ones((1, 2))])
def test_codes_without_variance_are_drawn_all_the_same(codes: np.ndarray) -> None:
    assert latent_space(codes).png()


def test_codes_of_any_event_shape_are_flattened() -> None:
    assert "16 dimensions" in latent_space(RNG.normal(size=(9, 4, 2, 2))).alt


def test_many_codes_are_thinned_evenly_with_their_labels() -> None:
    labels = np.repeat(np.arange(10), 1000)
    axes = latent_space(np.stack([labels, labels], axis=1).astype(float), labels).figure.axes[0]
    sizes = [len(dots.get_offsets()) for dots in axes.collections]
    assert sum(sizes) == 1500
    assert max(sizes) - min(sizes) <= 1
    for label, dots in enumerate(axes.collections):
        assert (dots.get_offsets() == label).all()


def test_labels_must_match() -> None:
    with pytest.raises(DataError, match="one label a code"):
        latent_space(np.zeros((4, 2)), np.zeros(3))
