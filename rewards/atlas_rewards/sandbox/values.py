"""
Values on their way between a program and its tests: plain ones by what they are, all others by a number.

    message = Outgoing(exposed)
    message.encode([1, {"a": (2, 3)}])        # JSON; lists, dicts and so on in `message.nodes`, each once
    Incoming(nodes, resolved).decode(...)     # the same value, with the same things in several places

Plain is what Python's own types hold, exactly of that type: a subclass may lie about what it is. Knows no process.
"""

import datetime
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

_SMALL = 2**53
_LARGE = 2**23
"""Length from which a text of the program stays where it is until it is looked at."""

LARGE: tuple[type, ...] = (str, bytes, bytearray)
_TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, object,
        type(None), Decimal, Fraction, datetime.date, datetime.datetime, datetime.time, datetime.timedelta,
        Counter, OrderedDict, defaultdict, deque,
    )
}  # fmt: skip
_ERRORS: dict[str, type] = {
    name: kind
    for name, kind in vars(__import__("builtins")).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}
NAMED = _TYPES | _ERRORS
"""Types that both sides have, by name. No other code of a side is ever run because the other names it."""

_NAME_OF = {kind: name for name, kind in NAMED.items()}
_PARTS: dict[type, Callable[[Any], list[Any]]] = {
    complex: lambda value: [value.real, value.imag],
    range: lambda value: [value.start, value.stop, value.step],
    slice: lambda value: [value.start, value.stop, value.step],
    Decimal: lambda value: [str(value)],
    Fraction: lambda value: [value.numerator, value.denominator],
    datetime.date: lambda value: [value.year, value.month, value.day],
    datetime.timedelta: lambda value: [value.days, value.seconds, value.microseconds],
}
"""Arguments that make an equal value of a type that never changes."""

_ISO: tuple[type, ...] = (datetime.datetime, datetime.time)
_SEQUENCES: tuple[type, ...] = (list, tuple, set, frozenset, deque)
_MAPPINGS: tuple[type, ...] = (dict, Counter, OrderedDict, defaultdict)
_UNORDERED: tuple[type, ...] = (set, frozenset)
MUTABLE: tuple[type, ...] = (list, set, deque, bytearray, *_MAPPINGS)
_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, lambda value: int.__add__(value, 0)),
    (float, lambda value: float.__mul__(value, 1.0)),
    (str, lambda value: str.__str__(value)[:]),
    (bytes, lambda value: bytes.__add__(value, b"")),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (list, lambda value: list(list.__iter__(value))),
    (dict, lambda value: {key: dict.__getitem__(value, key) for key in dict.__iter__(value)}),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
)

Json = Any


def has_base(value: Any) -> bool:
    """Whether *value* is of a subclass of a plain type, such as a namedtuple or an IntEnum."""
    return any(issubclass(type(value), kind) for kind, _ in _BASES)


def base_of(value: Any) -> Any:
    """The plain value below one of a subclass, as it is now, whatever the subclass says. Raises TypeError."""
    for kind, plain in _BASES:
        if issubclass(type(value), kind):
            return plain(value)
    raise TypeError(f"{type(value).__name__} is no subclass of a plain type")


class Outgoing:
    """Encodes the values of one message. *known*: nodes that both sides have already."""

    def __init__(self, expose: Callable[[Any], Json], known: list[Any] | None = None, *, whole: bool = False) -> None:
        """*whole*: large texts go as they are, too."""
        self._expose = expose
        self._longest = sys.maxsize if whole else _LARGE
        self.known = list(known or ())
        self.first = len(self.known)
        self._places = {id(value): place for place, value in enumerate(self.known)}
        self.nodes: list[Json] = []

    def encode(self, value: Any) -> Json:  # noqa: PLR0911 - one line a kind
        """*value* as JSON. Raises RecursionError for what is nested too deeply."""
        kind = type(value)
        if value is None or kind is bool or (kind is int and -_SMALL < value < _SMALL):
            return value
        if kind in LARGE and len(value) > self._longest:
            return self._expose(value)
        if kind is str:
            return value
        if kind is int:
            return ["int", hex(value)]
        if kind is float:
            return ["float", value.hex()]
        if value is Ellipsis or value is NotImplemented:
            return ["constant", repr(value)]
        if kind is type and value in _NAME_OF:
            return ["type", _NAME_OF[value]]
        if kind in _PARTS or kind in _ISO or kind in _SEQUENCES or kind in _MAPPINGS or kind in (bytes, bytearray):
            return ["node", self._node(value)]
        return self._expose(value)

    def _node(self, value: Any) -> int:
        if id(value) in self._places:
            return self._places[id(value)]
        place = self._places[id(value)] = len(self.known)
        self.known.append(value)
        self.nodes.append(None)
        self.nodes[place - self.first] = self.content(value)
        return place

    def content(self, value: Any) -> Json:
        """What a node holds, the same for the same content."""
        kind = type(value)
        name = _NAME_OF[kind]
        if kind in (bytes, bytearray):
            return [name, value.hex()]
        if kind in _ISO:
            return [name, value.isoformat()]
        if kind in _MAPPINGS:
            return [name, [[self.encode(key), self.encode(one)] for key, one in value.items()]]
        if kind in _SEQUENCES:
            items = [self.encode(one) for one in value]
            return [name, sorted(items, key=repr) if kind in _UNORDERED else items]
        return [name, [self.encode(part) for part in _PARTS[kind](value)]]


class Incoming:
    """Decodes the values of one message. *known*: what the nodes of the message before became."""

    def __init__(self, nodes: list[Json], resolve: Callable[[Json], Any], known: list[Any] | None = None) -> None:
        self._nodes = nodes
        self._resolve = resolve
        self._first = len(known or ())
        self._made: dict[int, Any] = dict(enumerate(known or ()))

    @property
    def known(self) -> list[Any]:
        """Values of all nodes, in their order."""
        return [self._value(place) for place in range(self._first + len(self._nodes))]

    def decode(self, document: Json) -> Any:  # noqa: PLR0911 - one line a kind
        """The value of *document*. Raises ValueError, LookupError, TypeError for what no side writes."""
        if not isinstance(document, list):
            return document
        kind, rest = document[0], document[1]
        if kind == "int":
            return int(rest, 16)
        if kind == "float":
            return float.fromhex(rest)
        if kind == "constant":
            return {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}[rest]
        if kind == "type":
            return NAMED[rest]
        if kind == "node":
            return self._value(rest)
        return self._resolve(document)

    def _value(self, place: int) -> Any:
        if place not in self._made:
            self._make(place)
        return self._made[place]

    def _make(self, place: int) -> None:
        name, rest = self._nodes[place - self._first]
        kind: Any = _TYPES[name]
        if kind in MUTABLE:
            self._made[place] = kind()
            self.fill(self._made[place], rest)
        elif kind is bytes:
            self._made[place] = bytes.fromhex(rest)
        elif kind in _ISO:
            self._made[place] = kind.fromisoformat(rest)
        elif kind in _SEQUENCES:
            self._made[place] = kind([self.decode(one) for one in rest])
        elif kind in _PARTS:
            self._made[place] = kind(*[self.decode(one) for one in rest])
        else:
            raise ValueError(name)

    def fill(self, value: Any, rest: Json) -> None:
        """Let *value*, which can change, hold what *rest* says and nothing else."""
        if isinstance(value, bytearray):
            value[:] = bytes.fromhex(rest)
        elif isinstance(value, dict):
            pairs = [(self.decode(key), self.decode(one)) for key, one in rest]
            value.clear()
            for key, one in pairs:
                dict.__setitem__(value, key, one)
        else:
            items = [self.decode(one) for one in rest]
            value.clear()
            (value.update if isinstance(value, set) else value.extend)(items)


def standard_module(name: str) -> bool:
    """Whether *name* is a module of the standard library, at its top."""
    return name in sys.stdlib_module_names
