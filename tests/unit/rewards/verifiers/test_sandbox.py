"""The sandbox against programs that try to get out, to cheat, to stay, or to take the machine down."""

import os
import platform
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.verifiers.sandboxed import BOUNDS, SHORT, children_of, exists, is_refused, python

from atlas_rewards.sandbox.runner import UnreadableTestsError, passes
from atlas_rewards.sandbox.seccomp import seccomp_filter

REFUSED = {
    "forks": "os.fork()",
    "forks by the system call": "call(57)",
    "forks by clone": "call(56, 17, 0, 0, 0, 0)",
    "forks by clone3": "call(435, ctypes.create_string_buffer(88), 88)",
    "starts a thread": "threading.Thread(target=print).start()",
    "starts a program": "subprocess.run(['true'])",
    "becomes another program": "os.execv('/usr/bin/env', ['env'])",
    "leaves its session": "os.setsid()",
    "makes an internet socket": "socket.socket()",
    "makes an IPv6 datagram socket": "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "makes a local socket": "socket.socket(socket.AF_UNIX)",
    "makes a netlink socket": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "makes a network pair": "call(53, 2, 1, 0, ctypes.create_string_buffer(8))",
    "makes a pair of datagram sockets": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "makes a pair of raw sockets": "socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)",
    "sends elsewhere from a pair": "socket.socketpair()[0].sendto(b'x', '\\0atlas')",
    "resolves a name and connects": "socket.create_connection(('localhost', 80))",
    "asks io_uring": "call(425, 8, ctypes.create_string_buffer(120))",
    "kills its parent": "os.kill(os.getppid(), signal.SIGKILL)",
    "kills everybody": "os.kill(-1, signal.SIGKILL)",
    "kills its group": "os.killpg(0, signal.SIGKILL)",
    "kills by thread number": "call(200, os.getppid(), signal.SIGKILL)",
    "lets a descriptor send signals to its parent": "fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
    "traces its parent": "call(101, 16, os.getppid(), 0, 0)",
    "reads its parent's memory": "call(310, os.getppid(), 0, 0, 0, 0, 0)",
    "gives its parent a limit": "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "raises its limits": "resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))",
    "wants to outlive its parent": "call(157, 1, 0, 0, 0, 0)",
    "makes namespaces": "call(272, 0x10000000)",
    "mounts": "call(165, b'x', b'/usr', b'tmpfs', 0, 0)",
    "changes its root": "os.chroot('.')",
    "changes its user": "os.setuid(1)",
    "reads its parent's environment": "open(f'/proc/{os.getppid()}/environ')",
    "reads its own memory by file": "open('/proc/self/mem')",
    "reads system settings": "open('/etc/passwd')",
    "lists the root": "os.listdir('/')",
    "lists the temporary folder": "os.listdir('..')",
    "writes to its folder": "open('file', 'w')",
    "writes to the temporary folder": "open('/tmp/atlas-code-escaped', 'w')",
    "makes a file without a name": "os.open('.', os.O_TMPFILE | os.O_WRONLY)",
    "cuts Python short": "os.truncate(os.__file__, 0)",
    "opens Python to cut it": "os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)",
    "makes a folder": "os.mkdir('folder')",
    "makes a link": "os.symlink('/', 'link')",
    "makes a pipe with a name": "os.mkfifo('pipe')",
    "removes its folder": "os.rmdir(os.getcwd())",
    "renames its folder": "os.rename(os.getcwd(), '/tmp/atlas-code-renamed')",
    "changes rights": "os.chmod('.', 0o777)",
    "makes a file in memory": "os.memfd_create('x')",
    "takes shared memory": "call(29, 0, 4096, 0o1600)",
    "becomes more important": "os.nice(-5)",
    "moves its parent to one core": "os.sched_setaffinity(os.getppid(), {0})",
    "opens a hundred descriptors": "[os.dup(0) for _ in range(100)]",
}


@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_to_a_program_that(attempt: str) -> None:
    if attempt.startswith("call(") and platform.machine() != "x86_64":
        pytest.skip("system calls by number are those of x86_64")
    assert is_refused(attempt)


@pytest.mark.parametrize("address", ["\0atlas-outside-{pid}", "{folder}/socket"], ids=["abstract", "a path"])
def test_no_local_socket_outside_hears_from_a_program(address: str, tmp_path: Path) -> None:
    address = address.format(pid=os.getpid(), folder=tmp_path)
    program = f"""
import itertools, socket
for kind, flags in itertools.product((1, 2, 3, 5), (0, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC)):
    try:
        socket.socketpair(socket.AF_UNIX, kind | flags)[0].sendto(b"secret", {address!r})
    except OSError:
        pass
"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outside:
        outside.bind(address)
        outside.setblocking(False)
        assert passes(program, "", BOUNDS)
        with pytest.raises(BlockingIOError):
            outside.recv(100)


def test_asyncio_works_inside() -> None:
    code = "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 1"
    assert passes(code, "assert asyncio.run(f()) == 1", BOUNDS)


def test_a_harmless_program_is_not_refused() -> None:
    assert not is_refused("a, b = socket.socketpair(); a.send(b'x'); os.listdir('.'); open(os.__file__).read()")


LOST = {
    "leaves before the tests": "import sys\nsys.exit(0)",
    "leaves hard before the tests": "import os\nos._exit(0)",
    "leaves while tested": "def f():\n    raise SystemExit(0)",
    "leaves hard while tested": "import os\ndef f():\n    os._exit(0)",
    "leaves by a hook": "import sys, os\nsys.excepthook = lambda *_: os._exit(0)",
    "leaves at the end": "import atexit, os\natexit.register(os._exit, 0)",
    "says that it passed": "import os\nfor fd in range(3, 60):\n    try:\n        os.write(fd, b'0' * 32)\n"
    "    except OSError: pass\ndef f(): return 1",
    "fills every descriptor": "import os\nwhile True:\n    for fd in range(60):\n        try:\n"
    "            os.write(fd, b'x' * 65536)\n        except OSError: pass",
    "closes every descriptor": "import os\nos.closerange(0, 64)",
    "closes every descriptor and stays": "import os\nos.closerange(0, 64)\nwhile True: pass",
    "prints without end": "while True: print('x' * 65536)",
    "loops": "while True: pass",
    "sleeps": "import time\ntime.sleep(1000)",
    "ignores signals": "import signal\nfor number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
    "    signal.signal(number, signal.SIG_IGN)\nwhile True: pass",
    "catches every error": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "takes all memory": "x = []\nwhile True: x.append(bytearray(2**24))",
    "takes memory in one piece": "x = bytearray(2**40)",
    "nests without end": "import sys\nsys.setrecursionlimit(10**9)\ndef g(): g()\ng()",
    "crashes": "import ctypes\nctypes.string_at(0)",
    "aborts": "import os\nos.abort()",
    "raises": "raise ValueError",
    "is wrong": "def f(): return 2",
}


@pytest.mark.parametrize("program", LOST.values(), ids=LOST)
def test_nothing_is_won_and_nothing_left_by_a_program_that(program: str) -> None:
    assert not passes(program, "assert f() == 1", SHORT)
    assert children_of(os.getpid()) == []


def test_a_program_may_print_much_and_end_before_it_is_tested_on() -> None:
    assert passes("print('x' * 10**8)\ndef f(): return 1", "assert f() == 1", BOUNDS)


def test_the_environment_is_empty_and_so_is_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_TEST_KEY", "hidden")
    assert passes(
        "import os", "assert set(os.environ) <= {'PYTHONHASHSEED', 'LC_CTYPE'} and os.listdir() == []", BOUNDS
    )


def test_no_descriptor_of_the_scoring_process_is_open_inside(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        program = "import os\ndef kind(fd):\n    try: return os.fstat(fd)[:2]\n    except OSError: return None"
        mine = (os.fstat(ours.fileno()).st_mode, os.fstat(ours.fileno()).st_ino)
        assert passes(program, f"assert {mine} not in [kind(fd) for fd in range(64)]", BOUNDS)


def test_many_run_side_by_side() -> None:
    with ThreadPoolExecutor(8) as threads:
        programs = [f"x = {number}" for number in range(24)]
        assert all(threads.map(lambda program: passes(program, "assert x >= 0", BOUNDS), programs))


def test_tests_that_are_not_python_are_no_verdict() -> None:
    with pytest.raises(UnreadableTestsError, match="invalid syntax"):
        passes("x = 1", "it should work", BOUNDS)


def test_the_program_dies_with_the_process_that_scores(tmp_path: Path) -> None:
    scorer = python("""
        from support.verifiers.sandboxed import BOUNDS
        from atlas_rewards.sandbox.runner import Bounds, passes
        passes("while True: pass", "", Bounds(seconds=500, memory_bytes=2**29))
    """, PYTHONPATH=str(Path(__file__).parents[3]), TMPDIR=str(tmp_path))  # fmt: skip
    while not (children := children_of(scorer.pid)):
        assert scorer.poll() is None
        time.sleep(0.02)
    scorer.send_signal(signal.SIGKILL)
    scorer.communicate()
    while any(exists(child) for child in children):
        time.sleep(0.02)


def test_nothing_runs_on_a_kernel_without_landlock_and_the_manifest_is_refused() -> None:
    scorer = python("""
        import ctypes, errno, struct
        from atlas_api import InvalidManifest, parse
        from atlas_api.training.reward import Reward
        from atlas_rewards import build_scorer
        # Stands for such a kernel: a filter that answers the first call of Landlock as one does.
        code = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (6, 0, 0, 0x50000 | errno.ENOSYS), (6, 0, 0, 0x7FFF0000)]
        program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *each) for each in code))
        header = struct.pack("HxxxxxxP", len(code), ctypes.addressof(program))
        libc = ctypes.CDLL(None)
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0) == 0
        try:
            build_scorer(parse(Reward, {"verifiers": [{"name": "a", "code": {}}]}))
        except InvalidManifest as refused:
            print(refused.problems)
    """)
    output, errors = scorer.communicate()
    assert errors == ""
    assert "spec.reward.verifiers[0].code: the sandbox does not start here: the kernel refuses Landlock" in output


@pytest.mark.skipif(
    shutil.which("setpriv") is None or os.getuid() != 0, reason="drops privileges, so it must have some"
)
def test_no_privilege_is_needed() -> None:
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    scorer = python(f"""
        import os, sys
        if "again" not in os.environ:
            os.environ["again"] = "1"
            os.execvp("setpriv", {drop!r} + [sys.executable] + sys.orig_argv[1:])
        from atlas_rewards.sandbox.runner import Bounds, passes
        print(passes("x = 1", "assert x == 1", Bounds(20, 2**29)), passes("x = 1", "assert x == 2", Bounds(20, 2**29)))
    """)
    assert scorer.communicate() == ("True False\n", "")


def test_a_machine_whose_system_calls_are_unknown_has_no_filter() -> None:
    assert seccomp_filter("x86_64") != seccomp_filter("aarch64")
    with pytest.raises(KeyError):
        seccomp_filter("riscv64")


def test_a_sandbox_that_cannot_start_is_no_verdict() -> None:
    scorer = python("""
        import resource, tempfile
        from atlas_rewards.sandbox.runner import Bounds, NoSandboxError, passes
        tempfile.gettempdir()
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        try:
            passes("", "", Bounds(20, 2**29))
        except NoSandboxError as error:
            print(error)
    """)
    output, errors = scorer.communicate()
    assert errors == ""
    assert "Too many open files" in output
