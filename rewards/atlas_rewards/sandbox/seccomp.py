"""
seccomp: the system calls that a sandboxed program may make, as a filter; everything else fails with EPERM.

It knows numbers of Linux system calls and nothing of Python. What the list leaves out is the protection: no socket (so
no network), no process and no thread, no signal to others, no file written, made, renamed or removed, no exec, no
ptrace, no namespace, no io_uring, no other limits.
"""

import errno
import struct
from collections.abc import Iterator

_ALLOWED = """
read:0,63 write:1,64 close:3,57 fstat:5,80 newfstatat:262,79 stat:4, lstat:6, statx:332,291 statfs:137,43
fstatfs:138,44 lseek:8,62 mmap:9,222 mprotect:10,226 munmap:11,215 mremap:25,216 madvise:28,233 brk:12,214
rt_sigaction:13,134 rt_sigprocmask:14,135 rt_sigreturn:15,139 rt_sigpending:127,136 rt_sigtimedwait:128,137
rt_sigsuspend:130,133 sigaltstack:131,132 pause:34, alarm:37, getitimer:36,102 setitimer:38,103 pread64:17,67
pwrite64:18,68 readv:19,65 writev:20,66 access:21, faccessat:269,48 faccessat2:439,439 readlink:89, readlinkat:267,78
pipe:22, pipe2:293,59 select:23, pselect6:270,72 poll:7, ppoll:271,73 epoll_create1:291,20 epoll_ctl:233,21
epoll_wait:232, epoll_pwait:281,22 eventfd2:290,19 dup:32,23 dup2:33, dup3:292,24 nanosleep:35,101
clock_nanosleep:230,115 clock_gettime:228,113 clock_getres:229,114 gettimeofday:96,169 time:201, times:100,153
getpid:39,172 getppid:110,173 gettid:186,178 getuid:102,174 geteuid:107,175 getgid:104,176 getegid:108,177
getgroups:115,158 getpgid:121,155 getsid:124,156 uname:63,160 getcwd:79,17 chdir:80,49 getdents64:217,61
sched_yield:24,124 sched_getaffinity:204,123 getcpu:309,168 futex:202,98 set_robust_list:273,99 rseq:334,293
restart_syscall:219,128 exit:60,93 exit_group:231,94 getrusage:98,165 sysinfo:99,179 getrandom:318,278
getrlimit:97,163 sendto:44,206 recvfrom:45,207 sendmsg:46,211 recvmsg:47,212 shutdown:48,210 getsockname:51,204
getpeername:52,205 getsockopt:55,209 wait4:61,260 umask:95,166
"""
"""`name:x86_64,aarch64`; aarch64 lacks the older spellings."""

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The kernel's number of an architecture and its column above, by `platform.machine()`."""

_OPEN, _OPENAT, _IOCTL, _FCNTL, _SOCKETPAIR, _PRLIMIT = (2, None), (257, 56), (16, 29), (72, 25), (53, 199), (302, 261)
_WRITING = 0o3 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
_TERMINAL_CONTROLS = (0x5401, 0x5421, 0x5451, 0x5450, 0x541B)  # TCGETS, FIONBIO, FIOCLEX, FIONCLEX, FIONREAD
_DESCRIPTOR_CONTROLS = (0, 1, 2, 3, 4, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC
_AF_UNIX = 1
_STREAMS = (0x1, 0x801, 0x80001, 0x80801)
"""SOCK_STREAM, with and without NONBLOCK and CLOEXEC. One of a pair of datagram sockets may send to any address."""

_OWN_PROCESS = 0

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_KILL, _REFUSE, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

Instruction = tuple[int, int, int, int]


def seccomp_filter(machine: str) -> bytes:
    """The filter for *machine* as `struct sock_filter`s. Raises KeyError for a machine that is not in the tables."""
    architecture, column = _ARCHITECTURES[machine]
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        *_plain(column),
        *_conditional(column),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
    ]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program)


def _plain(column: int) -> Iterator[Instruction]:
    for entry in _ALLOWED.split():
        number = entry.partition(":")[2].split(",")[column]
        if number:
            yield (_EQUAL, 0, 1, int(number))
            yield (_RETURN, 0, 0, _ALLOW)


def _conditional(column: int) -> Iterator[Instruction]:
    """Calls that are harmless with some arguments only."""
    blocks = (
        (_OPEN, _without_bits(1, _WRITING, errno.EROFS)),
        (_OPENAT, _without_bits(2, _WRITING, errno.EROFS)),
        (_IOCTL, _one_of(1, _TERMINAL_CONTROLS, errno.ENOTTY)),
        (_FCNTL, _one_of(1, _DESCRIPTOR_CONTROLS, errno.EINVAL)),
        (_SOCKETPAIR, _pair_of_streams(errno.EPERM)),
        (_PRLIMIT, _one_of(0, (_OWN_PROCESS,), errno.EPERM)),
    )
    for numbers, block in blocks:
        number = numbers[column]
        if number is not None:
            yield (_EQUAL, 0, len(block), number)
            yield from block


def _without_bits(argument: int, bits: int, error: int) -> list[Instruction]:
    """Allow where none of *bits* is set. The kernel reads these arguments as 32 bits, and so does the filter."""
    load = (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument)
    return [load, (_ANY_BIT, 0, 1, bits), (_RETURN, 0, 0, _REFUSE | error), (_RETURN, 0, 0, _ALLOW)]


def _pair_of_streams(error: int) -> list[Instruction]:
    """Allow where the family is AF_UNIX and the type is a stream."""
    family = [(_LOAD, 0, 0, _ARGUMENTS_AT), (_EQUAL, 1, 0, _AF_UNIX), (_RETURN, 0, 0, _REFUSE | error)]
    return [*family, *_one_of(1, _STREAMS, error)]


def _one_of(argument: int, values: tuple[int, ...], error: int) -> list[Instruction]:
    """Allow where the argument is one of *values*."""
    block: list[Instruction] = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument)]
    for value in values:
        block += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*block, (_RETURN, 0, 0, _REFUSE | error)]
