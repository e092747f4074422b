"""Documents made from a JSON Schema (the part of it that pydantic writes), and such documents with something wrong."""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

Schema = Mapping[str, Any]

ODD_NUMBERS = st.sampled_from([0, -1, 2**63, 10**30, -0.0, 1e-320, 1.5])
TEXTS = st.text(max_size=20) | st.sampled_from(["", "\x00", "\ud800", "\u202e", "{{}}", "</think>", "A" * 3000, "NaN"])
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | ODD_NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


def documents(schema: Schema, definitions: Mapping[str, Schema]) -> st.SearchStrategy[Any]:
    """Documents that *schema* allows; `$ref` leads into *definitions*."""
    if "$ref" in schema:
        return documents(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return st.one_of(*(documents(one, definitions) for one in schema["anyOf"]))
    of_type: dict[str | None, Callable[[], st.SearchStrategy[Any]]] = {
        "string": lambda: TEXTS,
        "null": st.none,
        "array": lambda: _lists(schema, definitions),
        "object": lambda: _objects(schema, definitions),
    }
    return of_type.get(schema.get("type"), lambda: ANYTHING)()


def _lists(schema: Schema, definitions: Mapping[str, Schema]) -> st.SearchStrategy[Any]:
    items = documents(schema.get("items", {}), definitions)
    return st.lists(items, min_size=schema.get("minItems", 0), max_size=4)


def _objects(schema: Schema, definitions: Mapping[str, Schema]) -> st.SearchStrategy[Any]:
    fields = {name: documents(one, definitions) for name, one in schema.get("properties", {}).items()}
    needed = {name: strategy for name, strategy in fields.items() if name in schema.get("required", ())}
    whole = st.fixed_dictionaries(needed, optional={name: one for name, one in fields.items() if name not in needed})
    if schema.get("additionalProperties", True) is False:
        return whole
    more = st.dictionaries(TEXTS.filter(lambda name: name not in fields), ANYTHING, max_size=3)
    return st.builds(lambda known, others: others | known, whole, more)


@st.composite
def broken(draw: st.DrawFn, of: st.SearchStrategy[Any]) -> Any:
    """A document out of *of* with something else in one of its places."""
    document = draw(of)
    parent: Any = None
    place: Any = None
    here = document
    while isinstance(here, dict | list) and here and draw(st.integers(0, 3)):
        places = sorted(here) if isinstance(here, dict) else range(len(here))
        parent, place = here, draw(st.sampled_from(list(places)))
        here = parent[place]
    if parent is None:
        return draw(ANYTHING)
    if isinstance(parent, dict) and draw(st.booleans()):
        parent[draw(TEXTS)] = parent.pop(place)
    else:
        parent[place] = draw(ANYTHING)
    return document
