"""Read YAML the way kubectl reads it: timestamps stay text, `1e-5` is a number, a key given twice is a mistake."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from atlas_api.errors import InvalidManifest

Document = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """PyYAML is YAML 1.1; kubectl turns YAML into JSON. This loader closes the gaps that manifests meet."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_documents(text: str, name: str) -> list[Document]:
    """All documents of a YAML file. *name* appears in messages. Raises `InvalidManifest` for anything but mappings."""
    try:
        documents = [document for document in yaml.load_all(text, _Loader) if document is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise InvalidManifest([f"{where}: not valid YAML: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise InvalidManifest([f"{name}: not valid YAML: {error}"]) from None
    if not documents:
        raise InvalidManifest([f"{name}: holds no document"])
    for document in documents:
        if not isinstance(document, dict):
            raise InvalidManifest([f"{name}: a manifest is a mapping with apiVersion, kind, metadata, spec"])
    return documents
