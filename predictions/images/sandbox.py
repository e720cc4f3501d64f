"""A process gives up, for good, what reading one image does not need.

Works without root, capabilities or namespaces: limits, then a seccomp filter that
lists the few system calls that remain. Everything else fails with EPERM.
References: seccomp(2), and the kernel's Documentation/userspace-api/seccomp_filter.rst.
"""

import ctypes
import os
import resource
import struct

# Reading and writing what is open already, memory, time, and leaving. Not among them:
# open, socket, connect, fork, execve, kill, ptrace, prctl. Numbers: x86_64, aarch64.
_CALLS = {
    "read": (0, 63),
    "readv": (19, 65),
    "pread64": (17, 67),
    "write": (1, 64),
    "writev": (20, 66),
    "lseek": (8, 62),
    "close": (3, 57),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "dup": (32, 23),
    "ftruncate": (77, 46),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "futex": (202, 98),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getrandom": (318, 278),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getrusage": (98, 165),
    "sched_yield": (24, 124),
    "restart_syscall": (219, 128),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*
_MAPPING = ("mmap", "mprotect")  # Allowed, but never for memory that can be executed.

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF instruction codes
_ALLOW, _EPERM, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # SECCOMP_RET_*
_AT_NUMBER, _AT_ARCH, _AT_THIRD_ARGUMENT = 0, 4, 32  # Offsets in struct seccomp_data
_PROT_EXEC = 4


class SandboxError(Exception):
    """The process could not be confined: it must not go on."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def limit(*, memory_bytes: int, cpu_s: int, file_bytes: int, open_files: int) -> None:
    """Cap memory, processor time, file sizes and descriptors of this process."""
    for what, most, grace in (
        (resource.RLIMIT_AS, memory_bytes, 0),
        (resource.RLIMIT_CPU, cpu_s, 1),  # SIGXCPU says why; SIGKILL would not.
        (resource.RLIMIT_FSIZE, file_bytes, 0),
        (resource.RLIMIT_NOFILE, open_files, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        hard = resource.getrlimit(what)[1]
        allowed = most + grace if hard == resource.RLIM_INFINITY else hard
        allowed = min(most + grace, allowed)  # A limit is never raised.
        resource.setrlimit(what, (min(most, allowed), allowed))


def confine() -> None:
    """Install the filter. Raises SandboxError where it does not hold."""
    program = _filter(os.uname().machine)
    libc = ctypes.CDLL(None, use_errno=True)
    argument = ctypes.byref(_Program(len(program) // 8, program))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise SandboxError(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, argument, 0, 0):
        raise SandboxError(f"seccomp: {os.strerror(ctypes.get_errno())}")
    try:  # Some emulations say yes and filter nothing.
        os.close(os.open("/", os.O_RDONLY))
    except PermissionError:
        return
    raise SandboxError("seccomp: installed, but a file could still be opened")


def _filter(machine: str) -> bytes:
    """The program, as an array of struct sock_filter {code, jt, jf, k}."""
    if machine not in _MACHINES:
        raise SandboxError(f"no list of system calls for {machine}")
    arch, column = _MACHINES[machine], list(_MACHINES).index(machine)
    calls = {name: numbers[column] for name, numbers in _CALLS.items()}
    checked = [calls.pop(name) for name in _MAPPING]
    deny = len(checked) + len(calls)  # Distances count from the first comparison.
    check, allow = deny + 1, deny + 4
    comparisons = [(number, check) for number in checked]
    comparisons += [(number, allow) for number in calls.values()]
    return b"".join(
        struct.pack("=HBBI", *line)
        for line in [
            (_LOAD, 0, 0, _AT_ARCH),
            (_EQUAL, 1, 0, arch),
            (_RETURN, 0, 0, _KILL),
            (_LOAD, 0, 0, _AT_NUMBER),
            *[
                (_EQUAL, target - place - 1, 0, number)
                for place, (number, target) in enumerate(comparisons)
            ],
            (_RETURN, 0, 0, _EPERM),
            (_LOAD, 0, 0, _AT_THIRD_ARGUMENT),
            (_ANY_BIT, 0, 1, _PROT_EXEC),
            (_RETURN, 0, 0, _EPERM),
            (_RETURN, 0, 0, _ALLOW),
        ]
    )
