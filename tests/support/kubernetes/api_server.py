"""What an API server says of a manifest, without keeping it: the same request as `kubectl apply --dry-run=server`.

One connection for all manifests. It knows the plural of the kinds and no field of them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

_REFUSED = (400, 422)
_UNKNOWN = re.compile(r'unknown field "([^"]+)"')
_VALUE = re.compile(r'^Invalid value: ("[^"]*"|[^:]*): ')
# Beside the real causes: some rules were skipped because of them.
_SKIPPED_RULES = "some validation rules were not checked"


@dataclass(frozen=True)
class DryRun:
    """Accepted, or why not."""

    accepted: bool
    stored: Mapping[str, Any]
    """What would be kept, defaults filled in. Empty when refused."""
    causes: tuple[tuple[str, str], ...] = ()
    """Field and message of everything that is wrong."""
    skipped_rules: bool = False
    """Wrong types kept the API server from looking at rules."""

    @property
    def fields(self) -> set[str]:
        """The fields that are named."""
        return {field for field, _ in self.causes}

    @property
    def sentences(self) -> set[str]:
        """`field: message` of each cause, without the value."""
        return {f"{field}: {_VALUE.sub('', message)}" for field, message in self.causes}


class ApiServer:
    """The API server of a kubeconfig file, asked as its administrator."""

    def __init__(self, kubeconfig: Path) -> None:
        self._api = client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig)))

    def try_create(self, document: Mapping[str, Any], *, strict: bool = True, plural: str = "atlastrainings") -> DryRun:
        """The verdict on *document*. Strict is what kubectl asks for: unknown fields are refused, not dropped.

        Raises:
            kubernetes.client.ApiException: the request failed for another reason than the document.
        """
        try:
            stored = self._api.create_namespaced_custom_object(
                *("atlas.arc.computer", "v1alpha1", "default", plural),
                _as_kubectl_writes(document),
                dry_run="All",
                field_validation="Strict" if strict else "Ignore",
            )
        except client.ApiException as error:
            if error.status not in _REFUSED:
                raise
            return _refused(json.loads(error.body))
        return DryRun(accepted=True, stored=stored)


def _refused(answer: Mapping[str, Any]) -> DryRun:
    causes = [(cause["field"], cause["message"]) for cause in answer.get("details", {}).get("causes", [])]
    unknown = [(field, "unknown field") for field in _UNKNOWN.findall(answer["message"])]
    real = [cause for cause in causes if _SKIPPED_RULES not in cause[1]]
    return DryRun(
        accepted=False,
        stored={},
        causes=tuple(real + unknown),
        skipped_rules=len(real) < len(causes),
    )


def _as_kubectl_writes(value: Any) -> Any:
    """Go writes whole numbers without a point."""
    match value:
        case dict():
            return {key: _as_kubectl_writes(item) for key, item in value.items()}
        case list():
            return [_as_kubectl_writes(item) for item in value]
        case float() if value.is_integer() and abs(value) < 10**21:
            return int(value)
        case _:
            return value
