"""How long `make run` takes once everything is installed.

python -m benchmarks.starting: starts the stack twice in a folder of its own, with the
demo, and writes docs/benchmarks/starting.md.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TABLE = Path("docs/benchmarks/starting.md")
READY = re.compile(r"histoapp is ready after")


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def start_and_stop(var: str, port: str) -> tuple[float, float]:
    """Seconds from the command to its word that all is ready; and to stop."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        env={**os.environ, "HISTOAPP_VAR": var, "PORT": port},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if not any(READY.search(line) for line in process.stdout):
        raise SystemExit("the stack did not start")
    ready_s = time.monotonic() - began
    process.send_signal(signal.SIGINT)
    process.communicate()
    return ready_s, time.monotonic() - began - ready_s


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="histoapp-start-") as folder:
        Path(folder).chmod(0o755)  # As root, PostgreSQL's own user enters it.
        port = free_port()
        rows = [start_and_stop(f"{folder}/var", port) for _ in range(2)]
    lines = ["# Starting", "", "Written by `python -m benchmarks.starting`.", ""]
    lines += ["| | ready after s | stopped after s |", "|---|---|---|"]
    for name, (ready_s, stop_s) in zip(("first", "second"), rows, strict=True):
        lines.append(f"| {name} start, demo analysed | {ready_s:.1f} | {stop_s:.1f} |")
    TABLE.write_text("\n".join(lines) + "\n")
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
