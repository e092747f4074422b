"""
What stands for a value of the other side: whatever is done with it is done there, where it lives.

On the strict side, that of the tests, such a value is equal to no plain one, comes before and after none, and holds one
only if it lists it; arithmetic with a plain number gives no plain number. Otherwise a class whose `==` always says yes
would pass every test. A subclass of a plain type compares as the plain value that it holds.
"""

import operator
from collections.abc import Callable
from typing import Any

_PIECE = 2**20
_PLACES: dict[type, Any] = {}


def place_of(value: Any, link: Any) -> int | None:
    """The number on the other side of what *value* stands for; None for a value of this side."""
    kind = type(value)
    if kind in (Remote, RemoteCallable, RemoteClass, Awaited):
        of, number, *_ = object.__getattribute__(value, "_atlas")
        return number if of is link else None
    if issubclass(kind, type) and value in _PLACES:
        of, number = _PLACES[value]
        return number if of is link else None
    return None


def exception_class(link: Any, number: int, name: str, base: Any) -> Any:
    """An exception class here that stands for the one with *number* there."""

    def attribute(self: Any, name: str) -> Any:
        there = self.__dict__.get("there")
        if there is None:
            raise AttributeError(name)
        return link.ask("getattr", there, name)

    def text(self: Any) -> str:
        there = self.__dict__.get("there")
        return str(base.__str__(self) if there is None else _exactly(str, link.ask("str", there)))

    made = type(name, (base,), {"__module__": "remote", "__getattr__": attribute, "__str__": text})
    _PLACES[made] = (link, number)
    return made


def _link(remote: Any) -> Any:
    return object.__getattribute__(remote, "_atlas")[0]


def _base(remote: Any) -> list[Any]:
    """The plain value below, in a list; none where there is none."""
    atlas = object.__getattribute__(remote, "_atlas")
    if atlas[5]:
        return [_fetched(remote, atlas[5])]
    if not atlas[2]:
        return []
    value = atlas[0].ask("plain", remote)
    if _is_remote(value):
        raise TypeError("the program's object gives no plain value")
    return [value]


def _fetched(remote: Any, kind: str) -> Any:
    size = _exactly(int, _link(remote).ask("len", remote))
    pieces = (remote[begin : begin + _PIECE] for begin in range(0, size, _PIECE))
    return "".join(pieces) if kind == "str" else {"bytes": bytes, "bytearray": bytearray}[kind]().join(pieces)


def module_name(value: Any) -> str | None:
    """Name of the module there that *value* stands for."""
    return object.__getattribute__(value, "_atlas")[3] if type(value) is Remote else None


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"the program's object gives {type(value).__name__} where {kind.__name__} belongs")
    return value


def _is_remote(value: Any) -> bool:
    return type(value) in (Remote, RemoteCallable, RemoteClass)


def _compares(name: str) -> Callable[[Any, Any], bool]:
    def compare(self: Any, other: Any) -> bool:
        link = _link(self)
        ours = _base(self) if link.strict else []
        theirs = (_base(other) if _is_remote(other) else [other]) if ours else []
        if ours and theirs:
            return bool(getattr(operator, name)(ours[0], theirs[0]))
        if not link.strict or _is_remote(other):
            return bool(_exactly(bool, link.ask(name, self, other)))
        if name in ("eq", "ne"):
            return name == "ne"
        raise TypeError("an object of the program's own class has no order among plain values")

    return compare


def _calculates(name: str, *, reflected: bool = False) -> Callable[[Any, Any], Any]:
    def calculate(self: Any, other: Any) -> Any:
        link = _link(self)
        if link.strict and not _is_remote(other) and (base := _base(self)):
            pair = (other, base[0]) if reflected else (base[0], other)
            return getattr(operator, name)(*pair)
        result = link.ask(name, *((other, self) if reflected else (self, other)))
        return _mixed(result) if link.strict and (_is_mixed(self) or not _is_remote(other)) else result

    return calculate


def _mixed(result: Any) -> Any:
    """*result* of a calculation with a plain value, which no calculation makes plain again. Raises TypeError."""
    if not _is_remote(result):
        raise TypeError("an object of the program's own class and a plain value give no plain value together")
    link, number, based, module, *_ = object.__getattribute__(result, "_atlas")
    return type(result)(link, number, based, module, mixed=True)


def _is_mixed(remote: Any) -> bool:
    return bool(object.__getattribute__(remote, "_atlas")[4])


def _gives(name: str, kind: type | None = None) -> Callable[..., Any]:
    def give(self: Any, *more: Any) -> Any:
        result = _link(self).ask(name, self, *more)
        return result if kind is None else _exactly(kind, result)

    return give


def _number(name: str, kind: type | None = None) -> Callable[..., Any]:
    ask = _gives(name, kind)

    def give(self: Any, *more: Any) -> Any:
        result = ask(self, *more)
        return _mixed(result) if _is_mixed(self) else result

    return give


class Remote:
    """A value of the other side."""

    __slots__ = ("_atlas",)

    def __init__(
        self,
        link: Any,
        number: int,
        based: bool = False,
        module: str | None = None,
        *,
        mixed: bool = False,
        large: str | None = None,
    ) -> None:
        object.__setattr__(self, "_atlas", (link, number, based, module, mixed, large))

    def __getattribute__(self, name: str) -> Any:
        value = _link(self).ask("getattr", self, name)
        if name == "__class__" and type(value) is not RemoteClass:
            return Remote  # an object that says that it is a number is none
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        _link(self).ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        _link(self).ask("delattr", self, name)

    def __hash__(self) -> int:
        return int(_exactly(int, _link(self).ask("hash", self)))

    def __contains__(self, other: Any) -> bool:
        link = _link(self)
        if not link.strict or _is_remote(other):
            return bool(_exactly(bool, link.ask("contains", self, other)))
        return any(one is other or one == other for one in iter(self))

    def __getitem__(self, key: Any) -> Any:
        return _link(self).ask("getitem", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _link(self).ask("setitem", self, key, value)

    def __delitem__(self, key: Any) -> None:
        _link(self).ask("delitem", self, key)

    def __dir__(self) -> list[str]:
        return list(_exactly(list, _link(self).ask("dir", self)))

    def __exit__(self, *_: object) -> None:
        _link(self).ask("exit", self)

    async def __anext__(self) -> Any:
        return _link(self).ask("anext", self)

    async def __aenter__(self) -> Any:
        return _link(self).ask("aenter", self)

    async def __aexit__(self, *_: object) -> None:
        _link(self).ask("aexit", self)

    __enter__ = _gives("enter")
    __aiter__ = _gives("aiter")
    __iter__ = _gives("iter")
    __next__ = _gives("next")
    __reversed__ = _gives("reversed")
    __len__ = _gives("len", int)
    __str__, __repr__ = _gives("str", str), _gives("repr", str)
    __neg__, __pos__, __abs__, __invert__ = _number("neg"), _number("pos"), _number("abs"), _number("invert")
    __bool__, __index__, __round__ = _number("bool", bool), _number("index", int), _number("round")
    __int__, __float__, __complex__ = _number("int", int), _number("float", float), _number("complex", complex)
    __eq__, __ne__ = _compares("eq"), _compares("ne")
    __lt__, __le__, __gt__, __ge__ = _compares("lt"), _compares("le"), _compares("gt"), _compares("ge")


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "xor"):
    setattr(Remote, f"__{_name}__", _calculates(_name))
    setattr(Remote, f"__r{_name}__", _calculates(_name, reflected=True))
for _name in ("and", "or"):
    setattr(Remote, f"__{_name}__", _calculates(f"{_name}_"))
    setattr(Remote, f"__r{_name}__", _calculates(f"{_name}_", reflected=True))


class RemoteCallable(Remote):
    """A function or another callable of the other side."""

    __slots__ = ()

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _link(self).ask("call", self, *arguments, **named)


class RemoteClass(RemoteCallable):
    """A class of the other side."""

    __slots__ = ()

    def __instancecheck__(self, instance: Any) -> bool:
        return _is_remote(instance) and _link(self).ask("isinstance", instance, self) is True

    def __subclasscheck__(self, family: Any) -> bool:
        return _is_remote(family) and _link(self).ask("issubclass", family, self) is True


class Awaited:
    """A coroutine of the other side."""

    __slots__ = ("_atlas",)

    def __init__(self, link: Any, number: int) -> None:
        self._atlas = (link, number)


async def awaiting(link: Any, number: int) -> Any:
    """Await the coroutine with *number* there; a coroutine itself, which `asyncio.run` takes."""
    return link.ask("await", Awaited(link, number))
