"""Read YAML the way kubectl reads it: times stay text, `1e-5` is a number, a key given twice is a mistake."""

import re
from collections.abc import Hashable
from itertools import chain
from typing import Any, NamedTuple

import yaml

from atlas_api.errors import InvalidManifest
from atlas_api.inputs.budgets import MANIFEST, OverBudgetError
from atlas_api.text import escaped

Document = dict[str, Any]

_KEYS = frozenset({"str", "int", "float", "bool", "null"})
"""Kinds of keys that JSON has a text for."""

_DIGITS = 1000
"""Digits of a whole number. No field takes one of more than 20; Python writes none of more than 4300."""


class _Loader(yaml.SafeLoader):
    """PyYAML is YAML 1.1; kubectl turns YAML into JSON. This loader closes the gaps that manifests meet."""

    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}

    def compose_document(self) -> yaml.Node | None:
        document = super().compose_document()
        if document is not None:
            _check_cost(document)
        return document

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of *node*. PyYAML's own readers fail in many ways where a tag is written that does not fit."""
        try:
            return super().construct_object(node, deep)
        except (LookupError, AttributeError, TypeError, ValueError):
            problem = f"this is no {node.tag.rpartition(':')[2]}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "this is no mapping", node.start_mark)
        seen = set()
        for key_node, _ in node.value:
            kind = key_node.tag.rpartition(":")[2]
            if kind == "merge":
                continue
            if not isinstance(key_node, yaml.ScalarNode) or kind not in _KEYS:
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
            if key_node.value in seen:
                problem = f'the key "{key_node.value}" is given twice'
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > _DIGITS:
            raise yaml.constructor.ConstructorError(None, None, "a number has too many digits", node.start_mark)
        return super().construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)

# `value` is the text "=", which YAML 1.1 reserves and kubectl does not.
_OURS = {"timestamp", "int", "float", "bool", "value"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in _OURS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile(r"^(y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$"),
    list("yYnNtTfFoO"),
)
# Without YAML 1.1's base 60, in which 10:30 is the number 630.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^[-+]?(0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^([-+]?(\.[0-9]+|0[0-9_]*[89][0-9_]*|[0-9][0-9_]*\.[0-9_]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


class _Cost(NamedTuple):
    """What a node costs, all that its aliases stand for included: whoever walks a document walks that each time."""

    values: int
    characters: int
    depth: int


def read_documents(text: str) -> list[Document]:
    """All documents of a YAML text. Raises `InvalidManifest` with line and column, also for anything but mappings."""
    try:
        documents = [document for document in yaml.load_all(text, _Loader) if document is not None]
    except OverBudgetError as error:
        raise InvalidManifest(
            [f"{error}, which no manifest needs; what an alias stands for counts each time"]
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        cure = _cure(str(error.problem))
        raise InvalidManifest([f"{where}not valid YAML: {escaped(str(error.problem))}{cure}"]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        where = f"line {line}, column {column}"
        raise InvalidManifest(
            [f"{where}: not valid YAML: the character U+{error.character:04X} is not allowed"]
        ) from None
    except RecursionError:
        raise InvalidManifest(["not valid YAML: nested too deeply"]) from None
    except ValueError as error:
        raise InvalidManifest([f"not valid YAML: {error}"]) from None
    if not documents:
        raise InvalidManifest(["holds no document; write apiVersion, kind, metadata and spec"])
    for document in documents:
        if not isinstance(document, dict):
            raise InvalidManifest(["a manifest is a mapping with apiVersion, kind, metadata and spec"])
    return documents


def _cure(problem: str) -> str:
    """What to do about a *problem* that YAML tells in words of its own grammar."""
    if "'\\t'" in problem:
        return "; indent with spaces"
    if "<block end>" in problem or "<block mapping start>" in problem:
        return "; indent this line like those beside it"
    if "mapping values are not allowed here" in problem:
        return "; put text with a colon in quotes, and indent this line like those beside it"
    return ""


def _check_cost(document: yaml.Node) -> None:
    """Raise OverBudgetError when *document* costs more than a manifest may, MarkedYAMLError when it holds itself."""
    cost = _cost(document, {})
    if cost.values > MANIFEST.values:
        raise OverBudgetError(f"more than {MANIFEST.values:,} values")
    if cost.characters > MANIFEST.bytes:
        raise OverBudgetError(f"more than {MANIFEST.bytes:,} characters")
    if cost.depth > MANIFEST.depth:
        raise OverBudgetError(f"nested more than {MANIFEST.depth} levels deep")


def _cost(node: yaml.Node, known: dict[yaml.Node, _Cost | None]) -> _Cost:
    """The cost of *node*. *known* holds those of the nodes before, which aliases stand for; None while one is open."""
    if isinstance(node, yaml.ScalarNode):
        return _Cost(1, len(node.value), 0)
    if node in known:
        cost = known[node]
        if cost is None:
            raise yaml.MarkedYAMLError(
                problem="an alias stands within what it stands for", problem_mark=node.start_mark
            )
        return cost
    known[node] = None
    pairs = isinstance(node, yaml.MappingNode)
    parts = [_cost(part, known) for part in (chain.from_iterable(node.value) if pairs else node.value)]
    known[node] = cost = _Cost(
        1 + sum(part.values for part in parts),
        sum(part.characters for part in parts),
        1 + max((part.depth for part in parts), default=0),
    )
    return cost
