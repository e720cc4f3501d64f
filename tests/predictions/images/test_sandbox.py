"""The decode child can reach nothing: not the network, not the disk, no process."""

import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from PIL import Image

from predictions.images import reading, sandbox

REPOSITORY = Path(sandbox.__file__).parents[2]
NOBODY = 65534
# Everything is made ready before the filter, so that only the one call is refused.
ATTEMPTS = {
    "connect": "client.connect(listener.getsockname())",
    "socket": "socket.socket()",
    "open to read": "os.open('/etc/hostname', os.O_RDONLY)",
    "open to write": "os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)",
    "fork": "os.fork()",
    "execute": "os.execv('/bin/true', ['true'])",
    "kill": "os.kill(os.getppid(), 0)",
    "change owner": "os.setuid(0)",
    "executable memory": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
}
PROGRAM = textwrap.dedent("""
    import mmap, os, socket, sys
    from predictions.images import sandbox
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.socket()
    if {drop} and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid({nobody}, {nobody}, {nobody})
        os.setresuid({nobody}, {nobody}, {nobody})
    status = open("/proc/self/status").read()
    if {confined}:
        sandbox.confine()
    try:
        {attempt}
        print("reached")
    except PermissionError:
        print("refused")
    print(status)
""")


def attempt(
    what: str, tmp_path: Path, *, confined: bool = True, drop: bool = False
) -> list[str]:
    program = PROGRAM.format(
        attempt=ATTEMPTS[what], confined=confined, drop=drop, nobody=NOBODY
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "written")],
        check=True,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("what", ATTEMPTS)
def test_a_confined_process_reaches_nothing(tmp_path: Path, what: str) -> None:
    assert attempt(what, tmp_path)[0] == "refused"


def test_without_the_filter_the_same_connect_succeeds(tmp_path: Path) -> None:
    assert attempt("connect", tmp_path, confined=False)[0] == "reached"


def test_connect_fails_for_an_ordinary_user_without_capabilities(
    tmp_path: Path,
) -> None:
    verdict, *status = attempt("connect", tmp_path, drop=True)

    facts = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    assert "0" not in facts["Uid"].split()
    assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0
    assert verdict == "refused"


def test_the_child_that_reads_an_image_is_confined_and_limited(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("RGB", (2000, 2000)).save(path)
    boxes = [(0, 0, 500)] * 8  # More than the pipe holds: the child waits for us.
    batches = reading.read_tiles(
        path, size_px=(2000, 2000), boxes=boxes, side_px=500, batch=1
    )

    next(batches)
    child = next(
        child
        for child in psutil.Process().children()
        if "predictions.images.decode" in " ".join(child.cmdline())
    )
    status = Path(f"/proc/{child.pid}/status").read_text()
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    environment = child.environ()
    batches.close()  # type: ignore[attr-defined]  # It is a generator.

    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert f"Max address space         {1 << 30}" in limits
    assert "Max core file size        0" in limits
    assert set(environment) <= {"LD_LIBRARY_PATH", "LC_CTYPE"}
    assert not psutil.pid_exists(child.pid)


def test_a_machine_without_a_list_of_calls_is_refused() -> None:
    with pytest.raises(sandbox.SandboxError, match="riscv64"):
        sandbox._filter("riscv64")


def test_the_filters_of_both_machines_are_of_the_same_shape() -> None:
    here, there = sandbox._filter("x86_64"), sandbox._filter("aarch64")

    assert len(here) == len(there)
    assert here != there
    assert len(here) % 8 == 0


def test_limits_bind_the_process_that_sets_them(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from predictions.images import sandbox
        sandbox.limit(memory_bytes=1 << 28, cpu_s=5, file_bytes=4096, open_files=3)
        try:
            bytes(1 << 28)
        except MemoryError:
            print("memory")
        try:
            open("/etc/hostname")
        except OSError:
            print("files")
    """)
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )

    assert done.stdout.split() == ["memory", "files"]
