"""Keras models -> a SavedModel that TensorFlow Serving can serve.

What was written is loaded back as production loads it, and must answer the same,
before it appears under its version.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from serving.bfloat16 import RECORD_FILE, Tiles, measure
from serving.conforming import check_signatures
from serving.contract import (
    AGGREGATE,
    ASK,
    ATTENTION,
    CONTRACT_FILE,
    DESCRIBE,
    EMBED,
    EMBEDDINGS,
    TILES,
    TISSUE,
    ContractError,
    ModelContract,
    signatures,
)
from serving.messages import ModelSpec, PredictionLog, PredictLog, PredictRequest
from serving.mil import LOGITS, MilModel, functions
from serving.server.loader import LoadError, Servable, Signature, Threads

ASSETS_EXTRA = "assets.extra"
WARMUP_FILE = "tf_serving_warmup_requests"
WARMUP_TILES = (1, 16)  # A rest of a batch and a common batch: shapes tune kernels.

# Float32 sums in another order, and oneDNN's blocked kernels, differ by about 1e-6.
TOLERANCE = 1e-4


class ExportError(Exception):
    """The exported model would not answer as the Keras one: nothing was written."""


def export_mil(
    model: MilModel,
    *,
    base_path: Path,
    version: int,
    extra: Mapping[str, bytes] | None = None,
    evaluation: Iterable[Tiles] = (),
) -> Path:
    """Write `base_path`/`version`/, whole or not at all. Returns that folder.

    base_path: models/<name>, the folder that the model server watches.
    extra: more files for assets.extra/, by name: model card, evaluation, ...
    evaluation: the tiles of each image on which the effect of bfloat16 is measured;
    without any, a server with --mixed_precision takes the model on trust.
    Raises ExportError, FileExistsError if that version is there already.
    """
    target = base_path / str(version)
    if target.exists():
        raise FileExistsError(f"{target} exists: a version is never overwritten.")
    base_path.mkdir(parents=True, exist_ok=True)
    # Beside the target, to be renamed; the dot and letters keep any server off.
    written = Path(tempfile.mkdtemp(prefix=".export-", dir=base_path))
    try:
        _save(model, written)
        _write_extra(model.contract, written / ASSETS_EXTRA, extra or {})
        _check(model, written)
        _record_bfloat16(written, evaluation)
        for path in written.rglob("*"):
            _sync(path)
        written.chmod(0o755)  # mkdtemp's 0700 would lock another user's server out.
        written.rename(target)
    except BaseException:
        shutil.rmtree(written)
        raise
    _sync(base_path)
    return target


def _save(model: MilModel, folder: Path) -> None:
    module = tf.Module()
    # Not the Keras models themselves: the C++ loader does not find their variables.
    module.kept = [
        variable._value  # noqa: SLF001 (Keras has no public name for it)
        for part in (model.embedder, model.aggregator)
        for variable in part.variables
    ]
    specs = signatures(model.contract)
    compiled = {
        name: tf.function(
            function,
            input_signature=[
                tf.TensorSpec(spec.shape, spec.dtype, name=alias)
                for alias, spec in specs[name].inputs.items()
            ],
        )
        for name, function in functions(model).items()
    }
    module.functions = compiled
    tf.saved_model.save(
        module,
        str(folder),
        signatures={
            name: function.get_concrete_function()
            for name, function in compiled.items()
        },
    )


def _write_extra(
    contract: ModelContract, folder: Path, extra: Mapping[str, bytes]
) -> None:
    folder.mkdir()
    (folder / CONTRACT_FILE).write_text(contract.to_json(), encoding="utf-8")
    for name, content in extra.items():
        (folder / name).write_bytes(content)
    with tf.io.TFRecordWriter(str(folder / WARMUP_FILE)) as records:
        for request in _warmup_requests(contract):
            log = PredictionLog(predict_log=PredictLog(request=request))
            records.write(log.SerializeToString())


def _warmup_requests(contract: ModelContract) -> list[PredictRequest]:
    side, dim = contract.tile_side_px, contract.embedding_dim
    calls: list[tuple[str, str, Any]] = [(DESCRIBE, ASK, np.int32(0))]
    for count in WARMUP_TILES:
        grey = np.full((count, side, side, 3), 127, np.uint8)
        calls.append((EMBED, TILES, grey))
        calls.append((AGGREGATE, EMBEDDINGS, np.zeros((count, dim), np.float32)))
    return [
        PredictRequest(
            model_spec=ModelSpec(name=contract.name, signature_name=name),
            inputs={alias: tf.make_tensor_proto(array)},
        )
        for name, alias, array in calls
    ]


def _check(model: MilModel, folder: Path) -> None:
    """Load as production does, and compare with what Keras says."""
    try:
        servable = Servable(folder, threads=Threads())
    except LoadError as error:
        raise ExportError(f"the Session loader refuses it: {error}") from error
    try:
        check_signatures(model.contract, servable)
        side = model.contract.tile_side_px
        random = np.random.default_rng(0)
        for count in WARMUP_TILES:
            tiles = random.integers(0, 256, (count, side, side, 3), np.uint8)
            _check_answers(model, servable, tiles)
    except ContractError as error:
        raise ExportError(str(error)) from error
    finally:
        servable.close()


def _record_bfloat16(folder: Path, images: Iterable[Tiles]) -> None:
    record = measure(folder, images)
    if record is not None:
        (folder / RECORD_FILE).write_text(record.to_json(), encoding="utf-8")


def _check_answers(model: MilModel, servable: Servable, tiles: Any) -> None:
    asked = functions(model)
    by_keras = asked[EMBED](tf.constant(tiles))
    _compare(servable, EMBED, {TILES: tiles}, by_keras)
    embeddings = by_keras[EMBEDDINGS]
    by_keras = asked[AGGREGATE](embeddings)
    _compare(servable, AGGREGATE, {EMBEDDINGS: embeddings.numpy()}, by_keras)
    attention = by_keras[ATTENTION].numpy()
    if abs(attention.sum() - 1) > TOLERANCE or attention.min() < 0:
        raise ExportError("attention is not a distribution over the tiles")
    if not 0 <= by_keras[TISSUE].numpy() <= 1:
        raise ExportError("tissue is not in [0, 1]")
    _check_weights(model, embeddings)
    ask = np.int32(0)
    _compare(servable, DESCRIBE, {ASK: ask}, asked[DESCRIBE](ask))


def _check_weights(model: MilModel, embeddings: Any) -> None:
    """A tile with all the weight must decide as if it were alone.

    An aggregator that ignored the weights would feign an interval without width.
    """
    chosen = tf.eye(len(embeddings))
    weighted = model.aggregator([embeddings, chosen], training=False)[LOGITS]
    alone = [
        model.aggregator([tile[None], tf.ones((1, 1))], training=False)[LOGITS]
        for tile in embeddings
    ]
    expected = tf.concat(alone, axis=0)
    if not np.allclose(weighted, expected, rtol=TOLERANCE, atol=TOLERANCE):
        raise ExportError("the weights of the tiles do not decide the logits")


def _compare(
    servable: Servable,
    name: str,
    feeds: Mapping[str, Any],
    by_keras: Mapping[str, Any],
) -> None:
    signature: Signature = servable.signatures[name]
    wanted = sorted(signature.outputs)
    for alias, answer in zip(
        wanted, servable.run(signature, feeds, wanted), strict=True
    ):
        expected = by_keras[alias].numpy()
        if isinstance(expected, bytes):
            same = np.asarray(answer).item() == expected
        else:
            same = np.isfinite(answer).all() and np.allclose(
                answer, expected, rtol=TOLERANCE, atol=TOLERANCE
            )
        if not same:
            raise ExportError(f"{name}: {alias} differs from Keras after loading back")


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
