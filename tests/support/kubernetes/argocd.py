"""
What Argo CD makes of an AtlasTraining: runs operator/argocd/*.lua as Argo CD does, in Lua 5.1 with as little around it.

Its sandbox has the base, package and table libraries, `require("os")` with `time` and `date` and no global of that
name, and one second. Everything else is nil here too, and so is what loads code: our scripts have no use for it.
"""

from pathlib import Path
from typing import Any, NamedTuple

from lupa import lua51

Document = dict[str, Any]

FOLDER = Path(__file__).parents[3] / "operator" / "argocd"

_SANDBOX = """
local os, debug, error = os, debug, error
local safe = { time = os.time, date = os.date }
for name in pairs(package.loaded) do package.loaded[name] = nil end
package.preload = { os = function() return safe end }
package.loadlib, package.path, package.cpath = nil, "", ""
for _, name in ipairs({
  "os", "string", "math", "io", "debug", "coroutine", "jit", "bit", "python",
  "load", "loadstring", "loadfile", "dofile", "collectgarbage", "newproxy", "getfenv", "setfenv",
}) do
  _G[name] = nil
end
debug.setmetatable("", nil) -- else ("x"):upper() would still reach the library
return function(seconds)
  local began = os.clock()
  debug.sethook(function()
    if os.clock() - began > seconds then error("the script ran longer than " .. seconds .. " s") end
  end, "", 1000)
end
"""


class Health(NamedTuple):
    """What Argo CD shows beside an object."""

    status: str
    message: str


class Sandbox:
    """One Lua state. What a script leaves behind in globals, the next one finds: make a new one for each object."""

    def __init__(self, seconds: float = 1) -> None:
        self._lua = lua51.LuaRuntime(register_eval=False, register_builtins=False, unpack_returned_tuples=True)
        self._lua.execute(_SANDBOX)(seconds)

    def run(self, script: str, document: Document) -> Any:
        """What *script* returns for the global `obj`, as JSON. An empty table becomes what *document* has there."""
        self._lua.globals()["obj"] = self._to_lua(document)
        return _to_json(self._lua.execute(script), document)

    def _to_lua(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._lua.table_from({key: self._to_lua(each) for key, each in value.items()})
        if isinstance(value, list):
            return self._lua.table_from([self._to_lua(each) for each in value])
        return value


def script(name: str) -> str:
    """A script of ours, like `health` or `actions/suspend`."""
    return (FOLDER / f"{name}.lua").read_text()


def health(training: Document) -> Health:
    """Argo CD looks at the deletion first; the script decides the rest."""
    if training["metadata"].get("deletionTimestamp"):
        return Health("Progressing", "Pending deletion")
    return Health(**Sandbox().run(script("health"), training))


def offered(training: Document) -> set[str]:
    """The actions that can be clicked."""
    found: dict[str, Document] = Sandbox().run(script("actions/discovery"), training)
    return {name for name, action in found.items() if not action.get("disabled")}


def act(action: str, training: Document) -> Document:
    """The training after an action."""
    after: Document = Sandbox().run(script(f"actions/{action}"), training)
    return after


def _to_json(value: Any, like: Any) -> Any:
    """A Lua value as JSON. Lua has one kind of table: keys 1 to n make a list, no keys at all what *like* is."""
    if lua51.lua_type(value) != "table":
        return int(value) if isinstance(value, float) and value.is_integer() and isinstance(like, int) else value
    items = dict(value.items())
    if not items:
        return like if isinstance(like, (dict, list)) and not like else {}
    if list(items) == list(range(1, len(items) + 1)):
        before = like if isinstance(like, list) else []
        padded = [*before, *[None] * len(items)]
        return [_to_json(each, padded[index]) for index, each in enumerate(items.values())]
    known = like if isinstance(like, dict) else {}
    return {key: _to_json(each, known.get(key)) for key, each in items.items()}
