"""A module is looked at and never run. Python's own import is the oracle: what it accepts is never refused."""

import json
import os
import py_compile
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import chdir
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import NamedTuple

import pytest

from atlas_rewards.module_source import NotThereError, doubt_about

RAN = "_ran = open({ran!r}, 'a')\n"
"""Every module of these tests begins with it: who runs it leaves a file."""

F = "def f(item): return 1.0\n"
SET = "from p import m\nsetattr(m, chr(102), len)"
GIVE = "import sys\ndef give(): sys._getframe(1).f_globals[chr(102)] = len"


class Case(NamedTuple):
    """Files below the current directory, an entry point, and what a look says of it: seen, doubt, or a refusal."""

    name: str
    files: Mapping[str, str]
    entry_point: str
    says: str


CASES = [
    Case("a function", {"m.py": F}, "m:f", "seen"),
    Case("a class", {"m.py": "class f: pass"}, "m:f", "seen"),
    Case("a lambda", {"m.py": "f = lambda item: 1.0"}, "m:f", "seen"),
    Case("one name of several", {"m.py": "(e, [f, *g]) = 1, [len, 2]"}, "m:f", "seen"),
    Case("with a type", {"m.py": "f: object = len"}, "m:f", "seen"),
    Case("a name that is imported", {"m.py": "from math import sqrt as f"}, "m:f", "seen"),
    Case("a name of its neighbour", {"p/__init__.py": "", "p/m.py": "from .n import f", "p/n.py": F}, "p.m:f", "seen"),
    Case("only where a condition holds", {"m.py": "if True:\n    def f(item): return 1.0"}, "m:f", "seen"),
    Case("instead of what is missing", {"m.py": "try:\n    import no as f\nexcept:\n    f = len"}, "m:f", "seen"),
    Case("from a loop", {"m.py": "for f in [len]: pass"}, "m:f", "seen"),
    Case("from a with", {"m.py": "import contextlib\nwith contextlib.nullcontext(len) as f: pass"}, "m:f", "seen"),
    Case("from a match", {"m.py": "match {'a': len}:\n    case {'a': f}: pass"}, "m:f", "seen"),
    Case("from an assignment in an expression", {"m.py": "print if (f := len) else 0"}, "m:f", "seen"),
    Case("a coroutine that is wrapped", {"m.py": "async def f(item): pass\nf = len"}, "m:f", "seen"),
    Case("a coroutine with a decorator", {"m.py": "def d(_): return len\n@d\nasync def f(item): pass"}, "m:f", "seen"),
    Case("a package's own function", {"p/__init__.py": F}, "p:f", "seen"),
    Case("in a package without __init__", {"p/m.py": F}, "p.m:f", "seen"),
    Case("deep in packages without __init__", {"p/q/r/m.py": F}, "p.q.r.m:f", "seen"),
    Case("a package beats a module of its name", {"p/__init__.py": F, "p.py": "g = 1"}, "p:f", "seen"),
    Case("with a coding line", {"m.py": "# coding: latin-1\n" + F}, "m:f", "seen"),
    Case("the standard library", {}, "os.path:join", "seen"),
    Case("the standard library, not loaded", {}, "wave:open", "seen"),
    Case("a file does not hide what is loaded", {"json.py": F}, "json:loads", "seen"),
    Case("a module that is built in", {}, "builtins:len", "seen"),
    Case("star imports", {"m.py": "from math import *"}, "m:sqrt", "doubt"),
    Case("a coroutine that stars replace", {"m.py": "async def f(i): 1\nfrom n import *", "n.py": F}, "m:f", "seen"),
    Case("names made on demand", {"m.py": "def __getattr__(name): return len"}, "m:f", "doubt"),
    Case("names of another", {"m.py": "from n import a as __getattr__", "n.py": "a = lambda _: len"}, "m:f", "doubt"),
    Case("globals", {"m.py": "globals()['f'] = len"}, "m:f", "doubt"),
    Case("globals of a built name", {"m.py": "globals()[chr(102)] = len"}, "m:f", "doubt"),
    Case("a module that replaces itself", {"m.py": "import sys, os\nsys.modules[__name__] = os"}, "m:walk", "doubt"),
    Case("code in a text", {"m.py": "exec('def ' + chr(102) + '(i): return 1.0')"}, "m:f", "doubt"),
    Case("a function that declares a global", {"m.py": "def s():\n    global f\n    f = len\n_ = s()"}, "m:f", "doubt"),
    Case("named by a call", {"m.py": "import n\nn.give()", "n.py": GIVE}, "m:f", "doubt"),
    Case("given by the package", {"p/__init__.py": "from p import m\nm.f = len", "p/m.py": ""}, "p.m:f", "doubt"),
    Case("given under a built name", {"p/__init__.py": SET, "p/m.py": ""}, "p.m:f", "doubt"),
    Case("found by the package", {"p/__init__.py": "__path__.append('q')", "q/m.py": F}, "p.m:f", "doubt"),
    Case("made by the package", {"p.py": "import sys, math\nsys.modules['p.m'] = math"}, "p.m:sqrt", "doubt"),
    Case("no such module", {}, "no_such_module:f", "there is no module no_such_module"),
    Case("no such module in a package", {"p/__init__.py": ""}, "p.no:f", "there is no module p.no"),
    Case("a file for a package", {"p.py": F}, "p.m:f", "p is a file, not a folder of modules"),
    Case("the file's name", {"m.py": F}, "m.py:f", "write m, without .py"),
    Case("an empty part", {"p/__init__.py": "", "p/m.py": F}, "p..m:f", "there is no module p."),
    Case("a dot at the end", {"m.py": F}, "m.:f", "there is no module m."),
    Case("a typo", {"m.py": "def mentions_price(item): 1"}, "m:mentions_prise", 'did you mean "mentions_price"'),
    Case("a typo in the standard library", {}, "math:sqr", "module math has no function sqr"),
    Case("a method", {"m.py": "class A:\n    def f(self): pass"}, "m:f", "doubt"),
    Case("a coroutine", {"m.py": "async def f(item): return 1.0"}, "m:f", "not an ordinary function"),
    Case("an asynchronous generator", {"m.py": "async def f(item): yield 1.0"}, "m:f", "not an ordinary function"),
    Case("a module that prints a poem", {}, "this:s", "seen"),
    Case("a name of ours", {"yaml.py": F}, "yaml:safe_load", "seen"),
    Case("another line end", {"m.py": F.replace("\n", "\r\n")}, "m:f", "seen"),
    Case("a page's end", {"m.py": "\f" + F}, "m:f", "seen"),
    Case("only for type checkers", {"m.py": "import typing\nif typing.TYPE_CHECKING:\n    f = 1"}, "m:f", "seen"),
    Case("a warning of the compiler", {"m.py": "x = '\\d'\n" + F}, "m:f", "seen"),
    Case("a chain beyond the compiler", {"m.py": F + "x = a" + ".b" * 100_000}, "m:f", "doubt"),
    Case("a sum beyond the compiler", {"m.py": F + "x = " + "1+" * 100_000 + "1"}, "m:f", "doubt"),
    Case("signs beyond the parser", {"m.py": F + "x = " + "-" * 200_000 + "1"}, "m:f", "doubt"),
    Case("a constant of gigabytes", {"m.py": F + "def g(): return 'a' * 10**10, 1 << 10**10, 9**9**9"}, "m:f", "seen"),
    Case("a number of 200,000 digits", {"m.py": F + "x = " + "1" * 200_000}, "m:f", "is not Python"),
    Case("an encoding that is none", {"m.py": "# coding: rot13\n" + F}, "m:f", "is not Python"),
    Case("no Python", {"m.py": "def ("}, "m:f", "is not Python: SyntaxError"),
    Case("no Python in the package", {"p/__init__.py": "def (", "p/m.py": F}, "p.m:f", "is not Python: SyntaxError"),
    Case("Python that no compiler takes", {"m.py": F + "return 1"}, "m:f", "is not Python: SyntaxError"),
    Case("a null byte", {"m.py": F + "\0"}, "m:f", "is not Python"),
    Case("nested beyond the parser", {"m.py": F + "x = " + "(" * 500 + ")" * 500}, "m:f", "is not Python"),
    Case("a source of megabytes", {"m.py": F + "#" * 2_000_000}, "m:f", "doubt"),
    Case("a broken import inside", {"m.py": "import not_installed_anywhere\n" + F}, "m:f", "seen"),
    Case("a module that ends the program", {"m.py": F + "raise SystemExit"}, "m:f", "seen"),
    Case("a native module", {f"m{EXTENSION_SUFFIXES[0]}": "no library"}, "m:f", "doubt"),
    Case("a configuration of paths", {"x.pth": "import os; open('ran', 'w')", "m.py": F}, "m:f", "seen"),
    Case("site customisation", {"sitecustomize.py": "", "usercustomize.py": "", "m.py": F}, "m:f", "seen"),
]  # fmt: skip


IMPORTS = """
import json, os, sys
from atlas_rewards.verifiers.entry_point import _load
from atlas_rewards.verifiers.outcome import Unusable
accepted = {}
for name, (folder, entry_point) in json.load(sys.stdin).items():
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            _load(entry_point)
        except BaseException as error:
            os._exit(1)
        os._exit(0)
    accepted[name] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(json.dumps(accepted))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each case."""
    return {case.name: laid_out(tmp_path_factory.mktemp("case"), case.files) for case in CASES}


@pytest.fixture(scope="module")
def accepted(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Whether an import of each case, in a process of its own, gives a function. It runs in a copy of the folder."""
    copies = {case.name: laid_out(tmp_path_factory.mktemp("copy"), case.files) for case in CASES}
    asked = json.dumps({case.name: (str(copies[case.name]), case.entry_point) for case in CASES})
    ended = subprocess.run([sys.executable, "-c", IMPORTS], input=asked, capture_output=True, text=True, check=True)
    answer: dict[str, bool] = json.loads(ended.stdout)
    return answer


def laid_out(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        coding, rest = text.split("\n", 1) if text.startswith("# coding") else ("", text)
        path.write_text((f"{coding}\n" if coding else "") + RAN.format(ran=str(folder / "ran")) + rest)
    return folder


def look(folder: Path, entry_point: str) -> str:
    """What a look says: seen, doubt, or the refusal."""
    with chdir(folder):
        try:
            doubt = doubt_about(*entry_point.split(":"))
        except NotThereError as error:
            return str(error)
    return "seen" if doubt is None else "doubt"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_look_says_what_the_files_tell(case: Case, folders: dict[str, Path]) -> None:
    assert case.says in look(folders[case.name], case.entry_point)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_look_refuses_nothing_that_an_import_accepts(
    case: Case, folders: dict[str, Path], accepted: dict[str, bool]
) -> None:
    if accepted[case.name]:
        assert look(folders[case.name], case.entry_point) in ("seen", "doubt")


def test_imports_accept_most_of_what_is_seen_or_in_doubt(accepted: dict[str, bool]) -> None:
    hopeful = [case.name for case in CASES if case.says in ("seen", "doubt")]
    assert {name for name in hopeful if not accepted[name]} == {
        *("a method", "a native module", "a broken import inside", "a module that ends the program"),
        *("only for type checkers", "a chain beyond the compiler", "a sum beyond the compiler"),
        *("signs beyond the parser", "a module that prints a poem"),
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_look_runs_and_writes_and_changes_nothing(case: Case, folders: dict[str, Path]) -> None:
    folder, path, loaded = folders[case.name], list(sys.path), set(sys.modules)
    files = sorted(folder.rglob("*"))
    look(folder, case.entry_point)
    assert sorted(folder.rglob("*")) == files
    assert sys.path == path
    assert set(sys.modules) == loaded


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path of modules, and another as the current directory."""
    (tmp_path / "here").mkdir()
    with chdir(tmp_path / "here"):
        monkeypatch.syspath_prepend(str(tmp_path / "packages"))
        yield tmp_path / "packages"


def test_the_current_directory_comes_first(elsewhere: Path) -> None:
    laid_out(elsewhere, {"twice_there.py": "g = 1"})
    laid_out(Path.cwd(), {"twice_there.py": F})
    assert doubt_about("twice_there", "f") is None


def test_parts_of_a_package_may_lie_in_several_places(elsewhere: Path) -> None:
    laid_out(elsewhere, {"in_parts/there.py": F})
    laid_out(Path.cwd(), {"in_parts/here.py": F})
    assert doubt_about("in_parts.there", "f") is None
    assert doubt_about("in_parts.here", "f") is None


def test_what_lies_in_an_archive_is_there_and_its_names_are_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "")
        archive.writestr("zipped/inner.py", RAN.format(ran=str(tmp_path / "ran")) + F)
    monkeypatch.syspath_prepend(str(tmp_path / "archive.zip"))
    assert "zipped" in (doubt_about("zipped.inner", "f") or "")
    assert "zipped" in (doubt_about("zipped.inner", "g") or "")
    assert not (tmp_path / "ran").exists()


def test_a_module_without_its_source_is_there_and_its_names_are_in_doubt(tmp_path: Path) -> None:
    laid_out(tmp_path, {"compiled_only.py": F})
    py_compile.compile(str(tmp_path / "compiled_only.py"), cfile=str(tmp_path / "compiled_only.pyc"))
    (tmp_path / "compiled_only.py").unlink()
    assert look(tmp_path, "compiled_only:f") == "doubt"
    assert not (tmp_path / "ran").exists()


def test_a_current_directory_that_is_gone_holds_no_module(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    with chdir(gone):
        gone.rmdir()
        assert doubt_about("os.path", "join") is None
        with pytest.raises(NotThereError, match="there is no module m"):
            doubt_about("m", "f")
        os.chdir(tmp_path)


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/full", "m.py"])
def test_what_is_no_file_is_no_module_and_is_not_read(tmp_path: Path, target: str) -> None:
    (tmp_path / "endless_rewards.py").symlink_to(target)
    os.mkfifo(tmp_path / "waiting_rewards.py")
    (tmp_path / "m.py").mkdir()
    assert "there is no module" in look(tmp_path, "endless_rewards:f")
    assert "there is no module" in look(tmp_path, "waiting_rewards:f")


def test_a_finder_of_another_maker_that_fails_leaves_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder:
        def find_spec(self, *_: object) -> None:
            raise KeyError("a package that was not run")

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert "KeyError" in (doubt_about("no_such_module", "f") or "")
