"""Between Django and PostgreSQL: the answer to a COMMIT gets lost on the way."""

import select
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

SOCKET = ".s.PGSQL.5432"
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # A simple query, as psycopg2 sends it.


class CutCommit:
    """A socket folder like PostgreSQL's own, in front of it.

    The first COMMIT is passed on; when PostgreSQL answers it, both are hung up on.
    """

    def __init__(self, folder: Path, behind: Path) -> None:
        self.folder = folder
        self.cuts = 0
        self._behind = str(behind / SOCKET)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / SOCKET))
        self._listening.listen()
        self._pool = ThreadPoolExecutor()

    def __enter__(self) -> Self:
        self._pool.submit(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._pool.shutdown()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # Shut down: the test is over.
                return
            self._pool.submit(self._pass_on, client)

    def _pass_on(self, client: socket.socket) -> None:
        with ExitStack() as open_sockets:
            open_sockets.enter_context(client)
            server = open_sockets.enter_context(socket.socket(socket.AF_UNIX))
            server.connect(self._behind)
            other = {client: server, server: client}
            is_committing = False
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    words = ready.recv(1 << 16)
                    if not words:
                        return
                    if ready is server and is_committing:
                        self.cuts += 1
                        return
                    is_committing |= words == COMMIT and self.cuts == 0
                    other[ready].sendall(words)
