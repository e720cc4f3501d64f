"""How the web process is served: threads that no client can hold for ever."""

import os
import socket
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class PatientSocket(socket.socket):
    """A client's socket that waits for bytes as long as they keep coming.

    Patience starts full, runs down only while we wait for the client, and every
    4 kB that arrive give back a second: a stalled or trickling request is cut after
    20 s, a slow upload of 100 MB is not. Sending may take as long.
    """

    PATIENCE_S = 20.0
    BYTES_PER_S = 4096

    patience_s = PATIENCE_S

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - The socket's own signature.
        """Blocking means waiting with patience: gunicorn asks for it per request."""
        self.patience_s = self.PATIENCE_S
        self.settimeout(self.PATIENCE_S if flag else 0)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive. Raises TimeoutError when patience is at its end."""
        allowed_s = self.gettimeout()
        if not allowed_s:
            return super().recv(size, flags)
        self.settimeout(max(0.001, min(allowed_s, self.patience_s)))
        asked = time.monotonic()
        try:
            received = super().recv(size, flags)
        finally:
            self.patience_s -= time.monotonic() - asked
            self.settimeout(allowed_s)
        earned_s = len(received) / self.BYTES_PER_S
        self.patience_s = min(self.PATIENCE_S, self.patience_s + earned_s)
        return received

    @property
    def is_spent(self) -> bool:
        """Whether the client took longer than it may."""
        return self.patience_s <= 0


class PatientWorker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types.
    """gunicorn's threads, on patient sockets."""

    def enqueue_req(self, conn: Any) -> None:
        """Give a new connection its patience, and hand it to a thread."""
        if not isinstance(conn.sock, PatientSocket):
            conn.sock = PatientSocket(fileno=conn.sock.detach())
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer a request; hang up on who took too long.

        Without that, closing waits for the client again, in the main loop.
        """
        outcome = super().handle(conn)
        if conn.sock.is_spent:
            try:
                conn.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return outcome
        return outcome


wsgi_app = "histoapp.wsgi"
bind = os.environ.get("BIND", f"127.0.0.1:{os.environ.get('PORT', '8000')}")
worker_class = "histoapp.gunicorn.PatientWorker"
workers = int(os.environ.get("WEB_WORKERS", "1"))
threads = int(os.environ.get("WEB_THREADS", "8"))  # Uploads wait for clients mostly.
preload_app = False  # A worker that ages is replaced by one from fresh code.
max_requests = 5000  # Whatever leaks, leaks no further than this.
max_requests_jitter = 500
timeout = 60
graceful_timeout = 8
keepalive = 5
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
forwarded_allow_ips = ""  # Whom to believe is for Django to say: TRUST_PROXY.
worker_tmp_dir = "/dev/shm"  # noqa: S108 - The workers' heartbeat; never a slow disk.
control_socket_disable = True
loglevel = "warning"
