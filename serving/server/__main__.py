"""python -m serving.server: serve one model until SIGTERM or SIGINT."""

import logging
import os
import signal
import sys
from threading import Event
from types import FrameType

from serving.server.execution import make_execution
from serving.server.flags import Flags, parse
from serving.server.grpc_api import make_server
from serving.server.loader import Threads
from serving.server.models import Models, ServedModel
from serving.server.rest_api import RestServer

logger = logging.getLogger("serving.server")

DRAIN_S = 30.0  # A worker's call has a shorter deadline: nobody waits longer.
UNLOAD_S = 1.0  # After draining nobody is inside any more, or nobody ever comes out.


def main(arguments: list[str]) -> int:
    """Serve; return the exit status."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level="INFO")
    logging.getLogger("tensorflow").setLevel("ERROR")  # Says everything twice.
    flags = parse(arguments)
    ending = Event()
    _end_on_signal(ending)
    models = Models([_configured(flags)])
    try:
        _serve(models, flags, ending)
    except OSError as error:
        logger.error("Failed to start server. Error: %s", error)  # noqa: TRY400 (the trace adds nothing)
        return 1
    if not models.unload_all(timeout_s=UNLOAD_S):
        logger.error("A request did not end in time: ending without its answer")
        logging.shutdown()
        os._exit(1)  # Its thread cannot be ended, and Python would wait for it.
    return 0


def _end_on_signal(ending: Event) -> None:
    """Drain at the first SIGTERM or SIGINT; the second ends at once."""

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _configured(flags: Flags) -> ServedModel:
    threads = Threads(
        flags.tensorflow_intra_op_parallelism, flags.tensorflow_inter_op_parallelism
    )
    return ServedModel(
        flags.model_name,
        flags.model_base_path,
        threads,
        make_execution(batching=flags.batching, bfloat16=flags.bfloat16),
    )


def _serve(models: Models, flags: Flags, ending: Event) -> None:
    """Open the ports once the model can be asked; return after draining."""
    poll_s = flags.file_system_poll_wait_seconds
    if not _await_models(models, poll_s or 1.0, ending):
        return
    grpc_server = make_server(
        models, addresses=_grpc_addresses(flags), threads=flags.grpc_max_threads
    )
    rest_server = RestServer(models, flags.listen_address, flags.rest_api_port)
    grpc_server.start()
    rest_server.start()
    logger.info("gRPC on port %d, REST on %d", flags.port, flags.rest_api_port)
    while not ending.wait(poll_s or None):
        models.refresh()
    logger.info("Ending: answering what was asked")
    stopped = grpc_server.stop(DRAIN_S)
    rest_server.stop(drain_s=DRAIN_S)
    stopped.wait()


def _await_models(models: Models, poll_s: float, ending: Event) -> bool:
    """Load; an empty folder is waited for. Raises OSError for a model that fails."""
    models.refresh()
    if not models.are_available() and not models.failed():
        logger.warning("No versions yet under the base path: waiting")
    while not models.are_available():
        failed = models.failed()
        if failed is not None:
            raise OSError(f"servable did not become available: {failed.message}")
        if ending.wait(poll_s):
            return False
        models.refresh()
    return True


def _grpc_addresses(flags: Flags) -> list[str]:
    addresses = []
    if flags.port:
        addresses.append(f"{flags.listen_address}:{flags.port}")
    if flags.grpc_socket_path:
        addresses.append(f"unix:{flags.grpc_socket_path}")
    return addresses


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
