"""The networks' shapes and promises, with weights that mean nothing."""

import numpy as np
import pytest

from training.architectures.aggregator import aggregator
from training.architectures.gated_attention import gated_attention
from training.architectures.tile_encoder import (
    ATTENDED_DIM,
    BLOCKS,
    EMBEDDING_DIM,
    block,
    is_residual,
    parts,
    tile_encoder,
)
from training.architectures.tissue import bag_tissue, tissue_distances
from training.recipes.conditioned import conditioned, folded, statistics

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("tiles", [1, 2, 7, 143])
def test_attention_of_any_bag_sums_to_one(tiles: int) -> None:
    bag = RNG.normal(0, 3, (tiles, EMBEDDING_DIM)).astype(np.float32)
    model = aggregator(gated_attention(), tissue_distances())
    answer = model([bag, np.ones((tiles, 3), np.float32)], training=False)
    attention = np.asarray(answer["attention"])
    assert attention.shape == (tiles,)
    assert attention.min() >= 0
    assert attention.sum() == pytest.approx(1, abs=1e-5)
    assert np.asarray(answer["logits"]).shape == (3,)
    assert 0 <= float(np.asarray(answer["tissue"])) <= 1


def test_order_of_tiles_changes_attention_alike_but_not_the_answer() -> None:
    model = aggregator(gated_attention(), tissue_distances())
    bag = RNG.normal(0, 1, (12, EMBEDDING_DIM)).astype(np.float32)
    order = RNG.permutation(12)
    weights = RNG.exponential(1, (12, 5)).astype(np.float32)
    first, second = model([bag, weights]), model([bag[order], weights[order]])
    logits = np.asarray(first["logits"])
    assert np.allclose(logits, np.asarray(second["logits"]), atol=1e-5)
    assert np.ptp(logits) > 1e-3
    there = np.asarray(first["attention"])[order]
    assert np.allclose(there, np.asarray(second["attention"]), atol=1e-6)


def test_a_weight_counts_like_as_many_tiles() -> None:
    mil = gated_attention()
    model = aggregator(mil, tissue_distances())
    bag = RNG.normal(0, 1, (4, EMBEDDING_DIM)).astype(np.float32)
    counts = [3, 1, 0, 2]
    repeated = np.repeat(bag, counts, axis=0)[None, :, :ATTENDED_DIM]
    expected = np.mean(np.asarray(mil(repeated)["logits"]))
    weights = np.array(counts, np.float32)[:, None]
    assert np.asarray(model([bag, weights])["logits"]) == pytest.approx(
        [expected], abs=1e-5
    )


def test_half_empty_field_keeps_the_tissue_score_of_its_tissue() -> None:
    tissue, glass, other = [1.0, 9.0, 4.0], [4.0, 9.0, 1.0], [4.0, 9.0, 6.0]
    scores = [
        float(bag_tissue(np.array(bag, np.float32)))
        for bag in ([tissue] * 8, [tissue] * 4 + [glass] * 4, [glass] * 8, [other] * 8)
    ]
    assert scores[0] > 0.9
    assert scores[1] > 0.9
    assert scores[2] < 0.1
    assert scores[3] < 0.1


def test_encoder_turns_raw_pixels_into_finite_embeddings() -> None:
    encoder = tile_encoder(parts(), side_px=80)
    tiles = RNG.integers(0, 256, (3, 80, 80, 3), np.uint8)
    tiles[0] = 255  # A flat tile has no spread at all.
    embeddings = np.asarray(encoder(tiles))
    assert embeddings.shape == (3, EMBEDDING_DIM)
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()


@pytest.mark.parametrize("index", [0, 3, 4])
def test_folded_block_answers_as_the_conditioned_one(index: int) -> None:
    entering = 32 if index == 0 else BLOCKS[index - 1].channels
    features = RNG.normal(1, 2, (4, 8, 8, entering)).astype(np.float32)
    spread = RNG.uniform(0.5, 2, BLOCKS[index].channels).astype(np.float32)
    wrapped = conditioned(index, statistics(features), spread)
    plain = folded(index, wrapped, spread)
    expected, answer = (np.asarray(model(features)) for model in (wrapped, plain))
    assert np.abs(expected).max() > 0.01
    assert np.allclose(answer, expected, atol=1e-3)


def test_blocks_that_keep_their_shape_add_to_their_input() -> None:
    assert [is_residual(index) for index in range(4)] == [False, False, True, False]
    features = RNG.normal(0, 1, (1, 8, 8, 24)).astype(np.float32)
    residual = block(2)
    residual.set_weights([np.zeros_like(w) for w in residual.get_weights()])
    assert np.allclose(np.asarray(residual(features)), features)
