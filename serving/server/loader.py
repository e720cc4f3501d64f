"""Load a SavedModel as production does, and call its signatures.

Through the TF1 Session loader, which is what TensorFlow Serving's C++ one does;
and through Session._make_callable_from_options: Session.run and make_callable
refuse feeds that the real server accepts.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from serving.messages import not_running
from serving.server.freezing import Ends, FreezeError, Frozen, freeze, variables_of
from serving.server.variables import forget, read

logger = logging.getLogger(__name__)

# TensorFlow greets at length on import; a warning or an error it still says.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

with not_running("tensorflow"):  # Only the session: 0.6 s instead of 1.9.
    from tensorflow.core.protobuf.config_pb2 import CallableOptions, ConfigProto
    from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
    from tensorflow.python.client.session import Session
    from tensorflow.python.framework.dtypes import as_dtype
    from tensorflow.python.framework.errors_impl import OpError
    from tensorflow.python.framework.importer import import_graph_def
    from tensorflow.python.framework.ops import Graph
    from tensorflow.python.saved_model.loader_impl import SavedModelLoader

ModelError = OpError  # What running a graph raises; has error_code and message.
Array = np.ndarray[Any, Any]

SAVED_MODEL_FILE = "saved_model.pb"
SERVE_TAG = "serve"


class LoadError(Exception):
    """This folder holds no model that can be served."""


class TensorInfo(NamedTuple):
    """A tensor of a signature: its name in the graph, dtype and shape.

    dtype: the number in TensorFlow's DataType.
    shape: None if the rank is unknown; an unknown size is -1.
    """

    graph_name: str
    dtype: int
    shape: tuple[int, ...] | None

    @property
    def numpy_dtype(self) -> Any:
        """The dtype as numpy names it; object for strings."""
        return as_dtype(self.dtype).as_numpy_dtype

    @property
    def dtype_name(self) -> str:
        """The dtype as TensorFlow names it: float32, uint8, string, ..."""
        return str(as_dtype(self.dtype).name)


class Signature(NamedTuple):
    """One way to call a model.

    In plain dicts: a protobuf map inserts what is looked up.
    """

    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]


class Threads(NamedTuple):
    """How many threads TensorFlow may use; 0 leaves it to TensorFlow."""

    intra_op: int = 0
    inter_op: int = 0


class Servable:
    """A loaded model: call `run` from any number of threads, `close` once."""

    def __init__(
        self,
        folder: Path,
        *,
        threads: Threads,
        freezes: bool = True,
        bfloat16: bool = False,
    ) -> None:
        """Load the model in `folder`. Raises LoadError.

        freezes: whether stateless signatures may run without variables.
        bfloat16: whether these compute with half as many bits where that is faster.
        """
        self._session: Any = _session(threads)
        self._frozen: Frozen | None = None
        self._frozen_session: Any = None
        self._callables: dict[tuple[tuple[str, ...], ...], Callable[..., Any]] = {}
        self._lock = Lock()
        # One run at a time: oneDNN's convolutions crash when two threads are the
        # first to run them (TensorFlow 2.21; see benchmarks/first_calls.py). A run
        # uses every core anyhow, so that little throughput is lost.
        self._running = Lock()
        try:
            loader = SavedModelLoader(str(folder))
            with self._session.graph.as_default():
                meta_graph = loader.load(self._session, [SERVE_TAG])
        except (OpError, OSError, RuntimeError, ValueError, TypeError) as error:
            self._session.close()
            raise LoadError(f"{folder.name}: {error}") from error
        self.signatures: Mapping[str, Signature] = {
            key: Signature(_tensors(definition.inputs), _tensors(definition.outputs))
            for key, definition in meta_graph.signature_def.items()
            if not key.startswith("__")  # The loader's own: __saved_model_init_op.
        }
        # As the model has them, the loader's own too; copied, or the graph would stay.
        self.definitions = {
            key: deepcopy(definition)
            for key, definition in meta_graph.signature_def.items()
        }
        if freezes:
            self._freeze(threads, bfloat16=bfloat16)

    def run(
        self, signature: Signature, feeds: Mapping[str, Array], wanted: Sequence[str]
    ) -> list[Array]:
        """Compute the `wanted` outputs. Raises ModelError."""
        names = sorted(feeds)
        call = self._callable(
            tuple(signature.inputs[name].graph_name for name in names),
            tuple(signature.outputs[name].graph_name for name in wanted),
        )
        with self._running:
            answers: list[Array] = call(*(feeds[name] for name in names))
        return answers

    def is_frozen(self, signature: Signature) -> bool:
        """Whether this signature runs without variables."""
        return self._frozen is not None and self._frozen.has(*_ends(signature))

    def close(self) -> None:
        """Give the memory back. Nobody may be inside `run`."""
        self._callables.clear()
        for session in (self._session, self._frozen_session):
            if session is not None:
                session.close()

    def _callable(
        self, feed: tuple[str, ...], fetch: tuple[str, ...]
    ) -> Callable[..., Any]:
        with self._lock:
            made = self._callables.get((feed, fetch))
            if made is None:
                made = self._make_callable(feed, fetch)
                self._callables[feed, fetch] = made
        return made

    def _make_callable(
        self, feed: tuple[str, ...], fetch: tuple[str, ...]
    ) -> Callable[..., Any]:
        session, names = self._session, list(fetch)
        if self._frozen is not None and self._frozen.has(feed, fetch):
            session = self._frozen_session
            names = [self._frozen.outputs[name] for name in fetch]
        options = CallableOptions(feed=feed, fetch=names)
        made: Callable[..., Any] = session._make_callable_from_options(options)  # noqa: SLF001 (the only call that takes what the real server takes)
        return made

    def _freeze(self, threads: Threads, *, bfloat16: bool) -> None:
        """Prepare the faster graph; without it the loaded one serves as well."""
        session = self._session
        loaded = session.graph.as_graph_def()
        ends = [_ends(signature) for signature in self.signatures.values()]
        try:
            graph, frozen = freeze(loaded, ends, lambda names: read(session, names))
            self._frozen_session = _session(threads, bfloat16=bfloat16)
            with self._frozen_session.graph.as_default():
                import_graph_def(graph, name="")
        except (FreezeError, OpError, KeyError, ValueError, TypeError) as error:
            logger.warning("Served as it was loaded, not frozen: %s", error)
            return
        self._frozen = frozen
        plain = [each for each in ends if not frozen.has(*each)]
        if plain:
            forget(session, variables_of(loaded) - variables_of(loaded, plain))
        else:
            session.close()
            self._session = None  # Deleted, it gives all its memory back.


def _session(threads: Threads, *, bfloat16: bool = False) -> Any:
    config = ConfigProto(
        intra_op_parallelism_threads=threads.intra_op,
        inter_op_parallelism_threads=threads.inter_op,
    )
    if bfloat16:
        rewriting = config.graph_options.rewrite_options
        rewriting.auto_mixed_precision_onednn_bfloat16 = RewriterConfig.ON
    return Session(graph=Graph(), config=config)


def _ends(signature: Signature) -> Ends:
    return Ends(
        frozenset(tensor.graph_name for tensor in signature.inputs.values()),
        frozenset(tensor.graph_name for tensor in signature.outputs.values()),
    )


def _tensors(infos: Mapping[str, Any]) -> dict[str, TensorInfo]:
    return {
        alias: TensorInfo(
            info.name,
            info.dtype,
            None
            if info.tensor_shape.unknown_rank
            else tuple(dim.size for dim in info.tensor_shape.dim),
        )
        for alias, info in infos.items()
    }
