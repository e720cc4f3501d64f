"""How much an answer owes to the tiles that happened to be in the field, in the graph.

The Bayesian bootstrap (Rubin 1981): every resample gives each tile a random weight,
exponentially distributed, and is answered as if the field were made so.
"""

from typing import Any

import tensorflow as tf

# The 5th and 95th percentile of 199 are its 10th and 190th: 199 + 1 divides evenly.
RESAMPLES = 199
LOW_RANK, HIGH_RANK = 10, 190

SEED = (1981, 9)  # Any; the same bag must get the same interval.
# Philox everywhere: what TensorFlow would choose may differ from device to device.
GENERATOR = "philox"
# Uniform numbers have 23 bits. Never 0, whose weight would be infinite, and never 1:
# where all of a bag's attention rests on one tile, a weight of 0 divides by 0.
LEAST = 2.0**-24


def tile_weights(tiles: Any) -> Any:
    """Draw the weights of a bag: (tiles, 1 + RESAMPLES) float32, positive.

    The first column is ones: the field as it is. A tile's row is drawn by its place
    alone, so that a longer bag begins with the weights of a shorter one.
    At most as large as the embeddings of 200 dimensions.
    """
    uniform = tf.random.stateless_uniform(
        tf.stack([tiles, RESAMPLES]), seed=SEED, minval=LEAST, alg=GENERATOR
    )
    return tf.concat([tf.ones([tiles, 1]), -tf.math.log(uniform)], axis=1)


def interval(probabilities: Any) -> tuple[Any, Any]:
    """Take the 90 % interval from the answers (1 + RESAMPLES,) to tile_weights.

    Widened, where resamples all lie to one side, to hold the answer itself.
    """
    itself, ordered = probabilities[0], tf.sort(probabilities[1:])
    low, high = ordered[LOW_RANK - 1], ordered[HIGH_RANK - 1]
    return tf.minimum(low, itself), tf.maximum(high, itself)
