"""
Looks at a Python module without running any of it: whether it is there, and which names its source binds.

An import of `package.module` runs the package to learn where the module is. Here each folder on the way is asked with
the finders of an import instead, and sources are parsed. What only running them could tell is a doubt, never a refusal.
"""

import ast
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from pkgutil import get_importer
from types import ModuleType
from typing import NoReturn

from atlas_api.inputs.budgets import SOURCE_BYTES

_DYNAMIC = frozenset(
    {"globals", "locals", "vars", "exec", "eval", "setattr", "__dict__", "__path__", "__getattr__", "modules"}
    | {"meta_path", "path_hooks", "extend_path", "declare_namespace"}
)
"""Words of sources that bind names, or bring modules, in ways that only running them shows."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class NotThereError(Exception):
    """Error for a module, or a function in it, that no import could find."""


class _UnsureError(Exception):
    """Error for what only running a module would tell."""


@dataclass(slots=True)
class _Source:
    """What the source of a module tells."""

    text: str
    bound: dict[str, bool] = field(default_factory=dict)
    """Names of the module's own scope, and whether each is nothing but a coroutine function."""

    dynamic: bool = False
    """Whether running the module could bind more, or find modules where the finders do not."""

    stars: bool = False
    """Whether all names of another module are taken by a star import."""

    def mentions(self, name: str) -> bool:
        """Whether *name* stands anywhere in the source, as a name or in a text."""
        return re.search(rf"\b{re.escape(name)}\b", self.text) is not None


def doubt_about(module: str, function: str) -> str | None:
    """What stays in doubt about *function* of *module* (dotted) as long as neither is run; None when it is seen.

    Raises `NotThereError` when it is certain that an import, or a call, would fail.
    """
    try:
        _look(module, function)
    except _UnsureError as doubt:
        return str(doubt)
    return None


def search_path() -> list[str]:
    """Where modules are looked for: as Python does, with the current directory first where it is not there already."""
    try:
        here = str(Path.cwd())
    except OSError:  # it was deleted
        return list(sys.path)
    return list(sys.path) if here in sys.path else [here, *sys.path]


def _look(module: str, function: str) -> None:
    """Raises _UnsureError and NotThereError."""
    path: Sequence[str] | None = None
    around: list[_Source | None] = []
    parts = module.split(".")
    for depth, part in enumerate(parts, start=1):
        name, whole = ".".join(parts[:depth]), depth == len(parts)
        spec: ModuleSpec | None
        if loaded := sys.modules.get(name):
            if whole:
                return _look_in_loaded(loaded, function)
            spec, path = loaded.__spec__, vars(loaded).get("__path__")
        else:
            spec = _found(name, path) if part else None
            if spec is None:
                _miss(module, name, around, in_package=depth == 1 or path is not None)
            if whole:
                return _look_in_source(module, function, spec, around)
            path = spec.submodule_search_locations
        around.append(_source_of(spec))
    return None


def _found(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """Where *name* is: the first part of a name anywhere, any other in *path*, that of the package around it.

    Raises _UnsureError where a finder of another maker gives up.
    """
    first = "." not in name
    for finder in sys.meta_path if first or path is not None else ():
        if finder is PathFinder and not first:
            spec = _in_folders(name, path or ())
        else:
            try:
                spec = finder.find_spec(name, search_path() if finder is PathFinder else path)
            except Exception as error:  # finders of other makers, which a package not yet run may surprise
                raise _UnsureError(f"{name} is not found without running it: {type(error).__name__}") from None
        if spec is not None:
            return spec
    return None


def _in_folders(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    """What `PathFinder` gives. It would ask for the package in `sys.modules`, and there it is not."""
    portions: list[str] = []
    for folder in folders:
        finder = get_importer(folder)
        spec = finder.find_spec(name) if finder is not None else None
        if spec is not None and spec.loader is not None:
            return spec
        if spec is not None:
            portions += spec.submodule_search_locations or ()
    if not portions:
        return None
    namespace = ModuleSpec(name, None, is_package=True)
    namespace.submodule_search_locations = portions
    return namespace


def _miss(module: str, name: str, around: Sequence[_Source | None], *, in_package: bool) -> NoReturn:
    parent = name.rpartition(".")[0]
    if any(source is None or source.dynamic for source in around):
        raise _UnsureError(f"no file of {name} is seen without running {parent}")
    if module.endswith(".py"):
        cure = f"write {module.removesuffix('.py')}, without .py"
    elif not in_package:
        cure = f"{parent} is a file, not a folder of modules"
    else:
        cure = "it is looked for in the current directory and on the PYTHONPATH"
    raise NotThereError(f"there is no module {name}; {cure}")


def _look_in_loaded(module: ModuleType, function: str) -> None:
    names = vars(module)
    if function in names:
        return
    if "__getattr__" in names or type(module) is not ModuleType:
        raise _UnsureError(f"{module.__name__} makes names when it is asked for them")
    raise _no_function(module.__name__, function, list(names))


def _look_in_source(module: str, function: str, spec: ModuleSpec, around: Sequence[_Source | None]) -> None:
    source = _source_of(spec)
    if source is None:
        raise _UnsureError(f"{spec.origin or module} is there, and its names are seen by running it alone")
    open_to_more = source.dynamic or source.stars
    if function in source.bound:
        if source.bound[function] and not open_to_more:
            raise NotThereError(f"{module}:{function} is not an ordinary function that takes an Item")
        return
    if open_to_more or source.mentions(function):
        raise _UnsureError(f"{spec.origin} is there, and {function} is not seen in it without running it")
    if any(each is None or each.dynamic or each.mentions(function) for each in around):
        raise _UnsureError(f"{spec.origin} is there, and {function} is not seen in it without the packages around it")
    raise _no_function(module, function, list(source.bound))


def _no_function(module: str, function: str, known: Sequence[str]) -> NotThereError:
    close = get_close_matches(function, known, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return NotThereError(f"module {module} has no function {function}{hint}")


def _source_of(spec: ModuleSpec | None) -> _Source | None:
    """The source behind *spec*; an empty one for a bare folder, None where there is none to read.

    Raises NotThereError for one that is not Python.
    """
    if spec is None or (spec.loader is not None and type(spec.loader) is not SourceFileLoader):
        return None
    if spec.loader is None or spec.origin is None:
        return _Source("")
    try:
        with Path(spec.origin).open("rb") as file:
            data = file.read(SOURCE_BYTES + 1)
    except OSError:
        return None
    return None if len(data) > SOURCE_BYTES else _parsed(data, spec.origin)


def _parsed(data: bytes, name: str) -> _Source | None:
    """What the source *data* tells; None where Python gives up for its size, which an import may survive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(data, name)
            compile(data, name, "exec", dont_inherit=True)
        except (RecursionError, MemoryError):
            return None
        except (SyntaxError, ValueError) as error:
            raise NotThereError(f"{name} is not Python: {type(error).__name__}: {error}") from None
    source = _Source(data.decode("utf-8", "backslashreplace"))
    for node in _own_scope(tree):
        _take_in(source, node)
    source.dynamic = source.dynamic or "__getattr__" in source.bound or any(map(_is_dynamic, ast.walk(tree)))
    return source


def _own_scope(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs in the module's own scope, also below `if`, `try`, `with` and loops."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)


def _take_in(source: _Source, node: ast.AST) -> None:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            source.bound[name] = False
        case ast.AsyncFunctionDef(name=name):
            source.bound[name] = not node.decorator_list and source.bound.get(name, True)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                source.stars |= alias.name == "*"
                source.bound[alias.asname or alias.name.partition(".")[0]] = False
        case ast.Name(id=name, ctx=ast.Store()):
            source.bound[name] = False
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            source.bound[name] = False
        case ast.MatchMapping(rest=str(name)):
            source.bound[name] = False
        case ast.Expr(value=ast.Call()):
            # What is called for its effect alone may bind names of its caller.
            source.dynamic = True


def _is_dynamic(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            return name in _DYNAMIC
        case ast.Global():
            return True
    return False
