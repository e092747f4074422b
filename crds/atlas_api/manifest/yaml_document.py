"""Read YAML the way kubectl reads it: times stay text, `1e-5` is a number, a key given twice is a mistake."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from atlas_api.errors import InvalidManifest
from atlas_api.text import escaped

Document = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """PyYAML is YAML 1.1; kubectl turns YAML into JSON. This loader closes the gaps that manifests meet."""

    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if key_node.value in seen:
                problem = f'the key "{key_node.value}" is given twice'
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


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


def read_documents(text: str) -> list[Document]:
    """All documents of a YAML text. Raises `InvalidManifest` with line and column, also for anything but mappings."""
    try:
        documents = [document for document in yaml.load_all(text, _Loader) if document is not None]
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
