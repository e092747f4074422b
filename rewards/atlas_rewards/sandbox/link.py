"""
The link between a program and its tests: each asks the other to do one thing at a time with values of both.

What is not plain stays where it is, and the other side holds a `remote` that stands for it. A list or dict that was
given to a call is on the giver's side what the call made of it, as if both were one process. Questions nest: a function
that the tests gave may be called while they wait for the program.

The side of the tests is *strict*: it believes nothing that a program's own classes say about plain values (`remote`),
and lets the program touch only what was given to it, never what lies behind (`_permitted`).
"""

import builtins
import importlib
import json
import operator
import os
import types
from collections.abc import Callable, Iterable
from typing import Any

from atlas_rewards.sandbox.remote import Remote, RemoteCallable, RemoteClass, awaiting, exception_class, place_of
from atlas_rewards.sandbox.values import LARGE, NAMED, Incoming, Json, Outgoing, base_of, has_base, standard_module

_HEAD = 12
_MOST = 10**9
"""Bytes of one message."""

_LOOP: list[Any] = []
"""The event loop in which this side awaits, once it has to."""


def _awaited(coroutine: Any) -> Any:
    if not _LOOP:
        import asyncio  # slow to import, and rarely needed

        _LOOP.append(asyncio.new_event_loop())

    async def wait() -> Any:
        return await coroutine

    return _LOOP[0].run_until_complete(wait())


OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda function, *arguments, **named: function(*arguments, **named),
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "isinstance": isinstance,
    "issubclass": issubclass,
    "plain": base_of,
    "await": _awaited,
    "anext": lambda iterator: _awaited(anext(iterator)),
    "aiter": aiter,
    "enter": lambda manager: type(manager).__enter__(manager),
    "exit": lambda manager: type(manager).__exit__(manager, None, None, None),
    "aenter": lambda manager: _awaited(type(manager).__aenter__(manager)),
    "aexit": lambda manager: _awaited(type(manager).__aexit__(manager, None, None, None)),
    **{kind.__name__: kind for kind in (bool, int, float, complex, str)},
    **{name: getattr(builtins, name) for name in ("len", "iter", "next", "repr", "hash", "round", "reversed", "dir")},
    **{
        name: getattr(operator, name)
        for name in (
            "eq", "ne", "lt", "le", "gt", "ge", "contains", "getitem", "setitem", "delitem", "index",
            "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor", "lshift",
            "rshift", "neg", "pos", "abs", "invert",
        )
    },
}  # fmt: skip
_OPEN = frozenset({"__main__", "types", "_io", "re", "pathlib", "argparse", "uuid", "random", "array", "ipaddress"})
"""Modules whose classes hold nothing of the tests but what was put into their objects; the tests' own is the first."""

_OF_ATTRIBUTES = ("getattr", "setattr", "delattr")


class LinkBrokenError(BaseException):
    """The other side is gone, or does not keep to the form. No test can catch it by accident."""


class Link:
    """One side of the link over the socket *descriptor*."""

    def __init__(self, descriptor: int, *, strict: bool = False) -> None:
        self.strict = strict
        self._descriptor = descriptor
        self._exposed: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._remotes: dict[int, Any] = {}

    def ask(self, operation: str, *arguments: Any, **named: Any) -> Any:
        """Let the other side do *operation*. Raises what it raises there, and LinkBrokenError."""
        message = self._outgoing()
        given = [message.encode(one) for one in arguments]
        by_name = {name: message.encode(one) for name, one in named.items()}
        self._send(["ask", message.nodes, [operation, given, by_name]])
        while True:
            kind, nodes, rest = self._receive()
            if kind == "ask":
                self._serve(nodes, rest)
                continue
            reply = Incoming(nodes, self._resolve, message.known)
            changes, result, error = rest
            for place, (_, content) in ((int(place), change) for place, change in changes.items()):
                reply.fill(message.known[place], content)
            if error is not None:
                raise self._error(reply, error)
            return reply.decode(result)

    def root(self) -> Any:
        """What the other side serves, as soon as it does. Raises LinkBrokenError."""
        return self._resolve(self._receive()[2])

    def serve(self, root: Any) -> None:
        """Tell the other side of *root*, and do what it asks for until it is gone."""
        self._send(["root", [], self._expose(root)])
        while True:
            kind, nodes, rest = self._receive()
            if kind != "ask":
                raise LinkBrokenError
            self._serve(nodes, rest)

    def _serve(self, nodes: list[Json], rest: Json) -> None:
        operation, arguments, named = rest
        known: list[Any] = []
        result: Any = None
        error: BaseException | None = None
        try:
            asked = Incoming(nodes, self._resolve)
            given = [asked.decode(one) for one in arguments]
            by_name = {name: asked.decode(one) for name, one in named.items()}
            known = asked.known
            if self.strict:
                _permitted(operation, given)
            result = OPERATIONS[operation](*given, **by_name)
        except LinkBrokenError:
            raise
        except BaseException as caught:
            error = caught
        self._reply(known, nodes, result, error)

    def _reply(self, known: list[Any], nodes: list[Json], result: Any, error: BaseException | None) -> None:
        message = self._outgoing(known)
        try:
            document = message.encode(result), None if error is None else self._told(message, error)
            contents = {
                place: message.content(known[place]) for place, (name, _) in enumerate(nodes) if name in _CHANGE
            }
        except RecursionError:
            message, contents, failure = Outgoing(self._expose, known), {}, RecursionError("too deep a value")
            document = None, self._told(message, failure)
        changes = {place: content for place, content in contents.items() if content != nodes[place]}
        self._send(["reply", message.nodes, [changes, *document]])

    def _outgoing(self, known: list[Any] | None = None) -> Outgoing:
        # What tests give goes whole: the program may do with it what it likes.
        return Outgoing(self._expose, known, whole=self.strict)

    def _told(self, message: Outgoing, error: BaseException) -> Json:
        arguments = error.args if isinstance(error.args, tuple) else ()
        return [message.encode(type(error)), [message.encode(one) for one in arguments], self._expose(error)]

    def _error(self, reply: Incoming, told: Json) -> BaseException:
        kind, arguments, there = told
        family: Any = reply.decode(kind)
        if not (isinstance(family, type) and issubclass(family, BaseException)):
            raise LinkBrokenError
        values = [reply.decode(one) for one in arguments]
        try:
            error = family(*values)
        except Exception:
            error = family.__new__(family)
            error.args = tuple(values)
        if there[0] == "yours":
            return self._exposed[there[1]]  # type: ignore[no-any-return]
        if family.__module__ == "remote":
            error.__dict__["there"] = self._resolve(there)
        return error

    def _expose(self, value: Any) -> Json:  # noqa: PLR0911 - one line a kind
        here = place_of(value, self)
        if here is not None:
            return ["yours", here]
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._exposed)
            self._exposed.append(value)
        number = self._numbers[id(value)]
        kind = type(value)  # never `isinstance`, for which a value may say what it likes
        if issubclass(kind, type):
            if not issubclass(value, BaseException):
                return ["class", number]
            family = [one for one in value.__mro__ if one is not object]
            return ["error", number, [[one.__name__, self._plain_or_number(one)] for one in family]]
        if self.strict and (name := _builtin_name(value)):
            return ["builtin", number, name]
        if issubclass(kind, types.ModuleType):
            return ["module", number, value.__name__]
        if kind in LARGE:
            return ["large", number, kind.__name__]
        if hasattr(kind, "__await__"):
            return ["await", number]
        return ["callable" if callable(value) else "object", number, has_base(value)]

    def _plain_or_number(self, family: type) -> Json:
        if family in NAMED.values():
            return ["type", family.__name__]
        if id(family) not in self._numbers:
            self._numbers[id(family)] = len(self._exposed)
            self._exposed.append(family)
        return ["class", self._numbers[id(family)]]

    def _resolve(self, document: Json) -> Any:
        kind, number = document[0], document[1]
        if kind == "yours":
            return self._exposed[number]
        if type(number) is not int or number < 0:
            raise LinkBrokenError
        if number not in self._remotes:
            self._remotes[number] = self._made(kind, number, document)
        return self._remotes[number]

    def _made(self, kind: str, number: int, document: Json) -> Any:  # noqa: PLR0911 - one line a kind
        if kind == "large":
            return Remote(self, number, large=document[2])
        if kind == "await":
            return awaiting(self, number)
        if kind == "class":
            return RemoteClass(self, number)
        if kind == "error":
            return self._error_class(document[2])
        if kind == "builtin" and not self.strict:
            return getattr(builtins, document[2])
        if kind == "module" and not self.strict and standard_module(document[2].partition(".")[0]):
            return importlib.import_module(document[2])
        if kind == "module":
            return Remote(self, number, module=document[2])
        return (RemoteCallable if kind == "callable" else Remote)(self, number, document[2] is True)

    def _error_class(self, family: Json) -> Any:
        """A class here for one of exceptions there, so that tests can catch it."""
        made: Any = BaseException
        for name, where in reversed(family):
            if where[0] == "type":
                made = NAMED[where[1]]
            else:
                known = self._remotes.get(where[1])
                made = known if isinstance(known, type) else exception_class(self, where[1], name, made)
                self._remotes[where[1]] = made
        return made

    def _send(self, document: Json) -> None:
        body = json.dumps(document).encode()
        view = memoryview(b"%012d" % len(body) + body)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            raise LinkBrokenError from None

    def _receive(self) -> Any:
        try:
            size = int(self._read(_HEAD))
            if not 0 < size < _MOST:
                raise LinkBrokenError
            kind, nodes, rest = json.loads(self._read(size))
        except (OSError, ValueError, TypeError, RecursionError):
            raise LinkBrokenError from None
        return kind, nodes, rest

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            part = os.read(self._descriptor, min(size, 1 << 20))
            if not part:
                raise LinkBrokenError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _builtin_name(value: Any) -> str | None:
    """The name of a function that Python has itself: each side has its own."""
    name = value.__name__ if type(value) is types.BuiltinFunctionType else ""
    return name if getattr(builtins, name or "-", None) is value else None


_CHANGE = frozenset({"list", "set", "deque", "bytearray", "dict", "Counter", "OrderedDict", "defaultdict"})


def _permitted(operation: str, given: Iterable[Any]) -> None:
    """Raise AttributeError for a look behind what was given: attributes are those of `_OPEN` classes alone."""
    if operation not in _OF_ATTRIBUTES:
        return
    target, name = list(given)[:2]
    reads, of_class = operation == "getattr", issubclass(type(target), type)
    own = (target if of_class else type(target)).__module__ in _OPEN
    if reads and name in ("__name__", "__doc__"):
        return
    if type(name) is not str or name.startswith("_") or not own or (of_class and not reads):
        raise AttributeError(name)
