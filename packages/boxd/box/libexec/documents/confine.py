"""Takes from a process what a conversion does not need, before it opens a document that may be hostile."""

import ctypes
import errno
import os
import resource
import signal

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_AUDIT_ARCH_X86_64 = 0xC000003E
_X32_BIT = 0x40000000
_SOCKET, _IO_URING_SETUP = 41, 425
_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction))]


def _prctl(option, *values):
    if _libc.prctl(option, *(ctypes.c_ulong(value) for value in (*values, *[0] * (4 - len(values))))) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def die_with_parent():
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def limit(memory_bytes, cpu_seconds):
    """Bounds of this process and, each for itself, of what it starts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))


def without_network():
    """
    No socket can be made any more, by this process and its children, whatever a document brings it to run or to fetch.
    The kernel refuses (seccomp), so no setting has to be trusted. Raises OSError where the kernel takes no filter.
    """
    refused = [_SOCKET, _IO_URING_SETUP]
    last = 5 + len(refused)

    def to_refusal(index):
        return last - index - 1

    lines = [
        (_LOAD, 0, 0, 4),
        (_JUMP_EQUAL, 0, to_refusal(1), _AUDIT_ARCH_X86_64),
        (_LOAD, 0, 0, 0),
        (_JUMP_ABOVE, to_refusal(3), 0, _X32_BIT),
        *((_JUMP_EQUAL, to_refusal(4 + index), 0, call) for index, call in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    filters = (_Instruction * len(lines))(*(_Instruction(*line) for line in lines))
    program = _Program(len(lines), filters)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    address = ctypes.addressof(program)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, address)

