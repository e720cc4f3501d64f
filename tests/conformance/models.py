"""The models that the conformance suite asks about, and a config file for them.

python -m tests.conformance.models FOLDER

half_plus_two (a TF1 graph with variables) and echo. Imports TensorFlow.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

if not __package__:  # Run as a script, from any folder.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import tensorflow as tf

from tests.serving.server.echo import export_echo

VERSION = 123
CLASSIFY, REGRESS, PREDICT = (
    f"tensorflow/serving/{verb}" for verb in ("classify", "regress", "predict")
)
CONFIG = """model_config_list {{
  config {{
    name: "half_plus_two" base_path: "{folder}/half_plus_two"
    model_platform: "tensorflow"
    version_labels {{ key: "stable" value: {version} }}
  }}
  config {{
    name: "echo" base_path: "{folder}/echo" model_platform: "tensorflow"
  }}
}}
"""


def write_models(folder: Path) -> Path:
    """Write both models; returns the path of the config file beside them."""
    export_half_plus_two(folder / "half_plus_two" / str(VERSION))
    export_echo(folder / "echo", VERSION)
    config = folder / "models.config"
    config.write_text(CONFIG.format(folder=folder, version=VERSION), encoding="utf-8")
    return config


def export_half_plus_two(folder: Path) -> None:
    """Write y = x / 2 + 2 as TensorFlow 1 did, for examples and for tensors."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        half, two = v1.Variable(0.5, name="a"), v1.Variable(2.0, name="b")
        examples = v1.placeholder(tf.string, [None], name="tf_example")
        wanted = {"x": tf.io.FixedLenFeature([1], tf.float32)}
        x = tf.identity(v1.parse_example(examples, wanted)["x"], name="x")
        y = tf.add(tf.multiply(half, x), two, name="y")
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.builder.SavedModelBuilder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [v1.saved_model.tag_constants.SERVING],
            signature_def_map={
                "serving_default": _signature({"x": x}, {"y": y}, PREDICT),
                "regress_x_to_y": _signature(
                    {"inputs": examples}, {"outputs": y}, REGRESS
                ),
                "classify_x_to_y": _signature(
                    {"inputs": examples}, {"scores": y}, CLASSIFY
                ),
            },
        )
        builder.save()


def _signature(inputs: Any, outputs: Any, method: str) -> Any:
    saved_model = tf.compat.v1.saved_model
    describe = saved_model.utils.build_tensor_info
    return saved_model.signature_def_utils.build_signature_def(
        {alias: describe(tensor) for alias, tensor in inputs.items()},
        {alias: describe(tensor) for alias, tensor in outputs.items()},
        method,
    )


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    config = write_models(parser.parse_args().folder.absolute())
    sys.stdout.write(f"{config}\n")


if __name__ == "__main__":
    _main()
