"""python -m serving.server: serve models until SIGTERM or SIGINT."""

import logging
import os
import signal
import sys
from threading import Event
from types import FrameType

from serving.server.attempts import Retries
from serving.server.execution import make_execution
from serving.server.flags import Flags, parse
from serving.server.grpc_api import make_server
from serving.server.health import Health
from serving.server.loader import Threads
from serving.server.model_config import ModelEntry, read_file, single_model
from serving.server.models import Models, ServedModel
from serving.server.monitoring import metrics_path
from serving.server.polling import poll
from serving.server.reload import ConfigFile, Reloader
from serving.server.reload_api import reload_handler
from serving.server.rest_api import RestServer
from serving.server.ssl_config import read_credentials
from serving.server.status import StatusError

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
    models = Models()
    try:
        _serve(models, flags, ending)
    except (OSError, StatusError) as error:
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


def _serve(models: Models, flags: Flags, ending: Event) -> None:
    """Open the ports once the models can be asked; return after draining."""
    shown_at = metrics_path(flags.monitoring_config_file)
    reloader = _configure(models, flags)
    if not _await_models(models, flags.file_system_poll_wait_seconds or 1.0, ending):
        return
    grpc_server = make_server(
        models,
        addresses=_grpc_addresses(flags),
        threads=flags.grpc_max_threads,
        tensor_content=flags.enable_serialization_as_tensor_content,
        credentials=read_credentials(flags.ssl_config_file),
        options=flags.grpc_channel_arguments,
    )
    grpc_server.add_generic_rpc_handlers((reload_handler(reloader),))
    health = Health()
    if flags.enable_grpc_healthcheck_service:
        grpc_server.add_generic_rpc_handlers((health.handler(),))
    rest_server = RestServer(
        models, flags.listen_address, flags.rest_api_port, shown_at
    )
    grpc_server.start()
    rest_server.start()
    logger.info("gRPC on port %d, REST on %d", flags.port, flags.rest_api_port)
    _poll(models, reloader, flags, ending)
    logger.info("Ending: answering what was asked")
    health.leave()
    reloader.end()
    stopped = grpc_server.stop(DRAIN_S)
    rest_server.stop(drain_s=DRAIN_S)
    stopped.wait()


def _configure(models: Models, flags: Flags) -> Reloader:
    """Give `models` the first config. Raises StatusError."""
    threads = Threads(
        flags.tensorflow_intra_op_parallelism, flags.tensorflow_inter_op_parallelism
    )
    retries = Retries(
        flags.max_num_load_retries, flags.load_retry_interval_micros / 1_000_000
    )

    execution = make_execution(batching=flags.batching, bfloat16=flags.bfloat16)

    def make(entry: ModelEntry) -> ServedModel:
        return ServedModel(
            entry.name,
            entry.base_path,
            threads,
            policy=entry.policy,
            retries=retries,
            execution=execution,
        )

    reloader = Reloader(
        models, make, any_label=flags.allow_version_labels_for_unavailable_models
    )
    if flags.model_config_file is None:
        reloader.apply(single_model(flags.model_name, str(flags.model_base_path)))
    else:
        reloader.apply(read_file(flags.model_config_file))
    return reloader


def _await_models(models: Models, poll_s: float, ending: Event) -> bool:
    """Load; an empty folder is waited for. Raises StatusError if a model fails."""
    if not models.are_available() and not models.failed():
        logger.warning(
            "No versions yet of %s: waiting", ", ".join(models.unavailable())
        )
    while not models.are_available():
        failed = models.failed()
        if failed is not None:
            raise failed
        if ending.wait(poll_s):
            return False
        models.refresh()
    return True


def _poll(models: Models, reloader: Reloader, flags: Flags, ending: Event) -> None:
    """Look at the models' files, and the config's, until the end."""
    every_s = {models.refresh: flags.file_system_poll_wait_seconds}
    if flags.model_config_file is not None:
        config_file = ConfigFile(flags.model_config_file, reloader)
        every_s[config_file.poll] = flags.model_config_file_poll_wait_seconds
    poll(every_s, ending)


def _grpc_addresses(flags: Flags) -> list[str]:
    addresses = []
    if flags.port:
        addresses.append(f"{flags.listen_address}:{flags.port}")
    if flags.grpc_socket_path:
        addresses.append(f"unix:{flags.grpc_socket_path}")
    return addresses


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
