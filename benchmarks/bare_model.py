"""TensorFlow alone: python -m benchmarks.bare_model MODEL BAGS.npz TILES_PER_CALL

Prints the seconds that embedding and aggregating every bag takes, once warm.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

SESSION = tf.compat.v1.ConfigProto(
    intra_op_parallelism_threads=2, inter_op_parallelism_threads=2
)


def main(folder: Path, bags: Path, tiles_per_call: int) -> None:
    graph = tf.Graph()
    with tf.compat.v1.Session(graph=graph, config=SESSION) as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
        embed = loaded.signature_def["embed"]
        aggregate = loaded.signature_def["aggregate"]
        wanted = [output.name for output in aggregate.outputs.values()]

        def answer(bag: np.ndarray) -> None:
            embeddings = [
                session.run(
                    embed.outputs["embeddings"].name,
                    {embed.inputs["tiles"].name: bag[begin : begin + tiles_per_call]},
                )
                for begin in range(0, len(bag), tiles_per_call)
            ]
            feed = {aggregate.inputs["embeddings"].name: np.concatenate(embeddings)}
            session.run(wanted, feed)

        with np.load(bags) as stored:
            loaded_bags = [stored[name] for name in stored.files]
        answer(loaded_bags[0])
        began = time.perf_counter()
        for bag in loaded_bags:
            answer(bag)
        print(time.perf_counter() - began)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
