"""
A pod's report on its way to the operator: one ConfigMap, patched from a thread of its own.

The program that reports neither waits for the API server nor fails with it: only the newest report is kept; that one
cannot be delivered is logged once for each kind of failure, and it is tried again until there is a newer one. Knows
nothing of the content of reports.
"""

import json
import logging
import ssl
import threading
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from time import monotonic
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from atlas_api.base import ApiModel
from atlas_api.pods.contract import PROGRESS, REPORT_AS, REPORT_KEY

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where every pod finds its token and the certificate of the API server."""

TIMEOUT_SECONDS = 5
PAUSE_SECONDS = 2
"""Pause between two patches, so that quick steps do not become a load. The last one does not wait."""

AGAIN_SECONDS = 15
"""Wait before a report that was refused is tried again while there is no newer one."""

LAST_SECONDS = 10
"""How long the last report may take, with every attempt at delivering it."""

RETRY_SECONDS = 1
"""Pause between the attempts at the last report."""

_log = logging.getLogger(__name__)


class ClusterReport:
    """Delivers reports to *key* of the ConfigMap *config_map* (`namespace/name`) of the API server at *url*."""

    def __init__(
        self,
        config_map: str,
        url: str,
        account: Path = ACCOUNT,
        key: str = REPORT_KEY,
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        namespace, _, name = config_map.partition("/")
        self.config_map = config_map
        self.key = key
        self.url = f"{url}/api/v1/namespaces/{namespace}/configmaps/{name}"
        self.account = account
        self._again_seconds = again_seconds
        self._changed = threading.Condition()
        self._unsent: ApiModel | None = None
        self._give_up_at: float | None = None
        """Moment of the last try, on the clock of `time.monotonic`. None until the report is closed."""

        self._complaints: set[str] = set()
        self._thread = threading.Thread(target=self._work, name="cluster-report", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, environment: Mapping[str, str], account: Path = ACCOUNT) -> Self | None:
        """The report that the variables of a pod name. None outside the operator's pods."""
        if PROGRESS not in environment or "KUBERNETES_SERVICE_HOST" not in environment:
            return None
        host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT", "443")
        url = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        return cls(environment[PROGRESS], url, account, environment.get(REPORT_AS, REPORT_KEY))

    def send(self, report: ApiModel) -> None:
        """Deliver *report* soon, in place of any older one that still waits. Returns at once."""
        with self._changed:
            self._unsent = report
            self._changed.notify()

    def close(self, seconds: float = LAST_SECONDS) -> None:
        """Deliver what waits, trying again and again for at most *seconds*. Nothing is tried after that."""
        with self._changed:
            self._give_up_at = monotonic() + seconds
            self._changed.notify()
        self._thread.join(seconds)

    def _work(self) -> None:
        refused: ApiModel | None = None
        while report := self._next(refused):
            delivered = self._delivered(report)
            refused = None if delivered else report
            with self._changed:
                if delivered and self._unsent is report:
                    self._unsent = None
                if self._give_up_at is None:
                    self._changed.wait_for(lambda: self._give_up_at is not None, PAUSE_SECONDS)
                elif not delivered:
                    self._changed.wait(min(RETRY_SECONDS, max(0, self._give_up_at - monotonic())))

    def _next(self, refused: ApiModel | None) -> ApiModel | None:
        """
        Wait for something to deliver: what was refused is tried again after a while.

        None: all is delivered, or the time for the last report is over.
        """
        with self._changed:
            longest = self._again_seconds if refused else None
            self._changed.wait_for(lambda: self._give_up_at is not None or self._unsent not in (None, refused), longest)
            late = self._give_up_at is not None and monotonic() >= self._give_up_at
            return None if late else self._unsent

    def _delivered(self, report: ApiModel) -> bool:
        try:
            self._patch(report)
        except (OSError, HTTPException, ValueError) as error:
            self._complain(error)
            return False
        return True

    def _patch(self, report: ApiModel) -> None:
        text = report.model_dump_json(by_alias=True, exclude_none=True)
        # The token is replaced while the pod runs, so it is read each time.
        token = (self.account / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}
        body = json.dumps({"data": {self.key: text}}).encode()
        trust = ssl.create_default_context(cafile=str(self.account / "ca.crt"))
        # The kubelet names an address inside the cluster: a proxy meant for the world outside is not the way there.
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=trust))
        request = Request(self.url, body, headers, method="PATCH")  # noqa: S310
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            answer.read()

    def _complain(self, error: Exception) -> None:
        kind = _kind(error)
        if kind not in self._complaints:
            self._complaints.add(kind)
            _log.warning("reports do not reach ConfigMap %s (%s); work goes on", self.config_map, kind)


def _kind(error: Exception) -> str:
    if isinstance(error, HTTPError):
        error.close()
        return f"the API server answers {error.code}"
    if isinstance(error, URLError) and isinstance(error.reason, Exception):
        return type(error.reason).__name__
    return type(error).__name__
