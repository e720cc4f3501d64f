"""Is this H&E tissue? By how far the tiles' embeddings lie from those of tissue.

One Gaussian for real tissue, one for the generator's, one for empty glass; distances
are Mahalanobis's (Lee et al. 2018). Trained against pictures of other things, a
classifier knows those pictures; a distance knows only what tissue is.
"""

from typing import Any

import keras

from training.architectures.tile_encoder import EMBEDDING_DIM

GAUSSIANS = ("real", "synthetic", "glass")
# Distance (root mean square over dimensions, so about 1 for what it was fitted to) up
# to which a tile passes for tissue, and how softly. Other scanners' tissue, of which
# BreakHis's samples were looked at, lies up to 1.4; photographs lie beyond 2.
REACH, SOFTNESS = 1.5, 0.1
# Share of a bag's tiles that must show more than glass before they can decide.
EVIDENCE = 0.03


def tissue_distances() -> Any:
    """Build (m, EMBEDDING_DIM) -> (m, 3): distances to GAUSSIANS, in that order."""
    embeddings = keras.Input((EMBEDDING_DIM,))
    distances = [
        keras.ops.sqrt(
            keras.ops.mean(
                keras.ops.square(
                    keras.layers.Dense(EMBEDDING_DIM, name=name)(embeddings)
                ),
                axis=-1,
            )
        )
        for name in GAUSSIANS
    ]
    return keras.Model(embeddings, keras.ops.stack(distances, -1), name="tissue")


def bag_tissue(distances: Any) -> Any:
    """Turn the distances (n, 3) of a bag's tiles into one score in [0, 1].

    The share of tiles within reach among those that are not glass: a field may be
    half empty. 0.5 means that half of what is there looks like tissue.
    """
    nearest = keras.ops.minimum(distances[:, 0], distances[:, 1])
    votes = keras.ops.sigmoid((distances[:, 2] - nearest) / SOFTNESS)
    passes = keras.ops.sigmoid((REACH - nearest) / SOFTNESS)
    return keras.ops.mean(votes * passes) / (keras.ops.mean(votes) + EVIDENCE)
