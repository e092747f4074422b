"""
Reports of a pod on its attempt: to the progress ConfigMap while it runs, in its termination message when it ends.

The reporter's reports pass through here; an end that the reporter did not live to report is added by `__main__`. Only
the main process reports progress; the others report when they fail for a reason of their own. Secrets are redacted.
"""

import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from atlas_api.errors import AtlasError, WorkerLost
from atlas_api.pods.cluster_report import ACCOUNT, ClusterReport
from atlas_api.pods.contract import ATTEMPT, SECRET_VARIABLES, TERMINATION_FILE
from atlas_api.pods.run_report import RunReport
from atlas_api.text import one_line
from atlas_trainer.reporting.status import MESSAGE_LIMIT, phase_after
from atlas_trainer.reporting.termination import write_termination_message

REDACTED = "…"
SECRET_LENGTH = 4
"""Length from which a value is redacted: shorter ones would blacken ordinary words."""

CRASHED = "Crashed"
"""Reason in the report when the attempt ended by no `AtlasError`."""


class PodReporter:
    """Sends reports of one process to the operator. Outside the operator's pods it sends none."""

    def __init__(
        self,
        environment: Mapping[str, str],
        is_main: bool,
        termination_file: Path = Path(TERMINATION_FILE),
        account: Path = ACCOUNT,
    ) -> None:
        in_pod = ATTEMPT in environment
        self.is_main = is_main
        self.file = termination_file if in_pod else None
        self.sink = ClusterReport.of(environment, account) if in_pod and is_main else None
        self.newest: RunReport | None = None
        self._environment = environment
        self.secrets: list[str] = []
        self.redact_variables(SECRET_VARIABLES)

    def redact_variables(self, names: Iterable[str]) -> None:
        """Redact, from now on, what these environment variables hold."""
        found = {part for name in names for part in _parts(self._environment.get(name, "").strip())}
        known = {*self.secrets, *(part for part in found if len(part) >= SECRET_LENGTH)}
        self.secrets = sorted(known, key=len, reverse=True)  # a secret may hold another one

    def send(self, report: RunReport) -> None:
        """Send *report* to the operator, its message redacted. Returns at once."""
        if report.message is not None:
            message = one_line(self.redact(report.message), MESSAGE_LIMIT)
            report = report.model_copy(update={"message": message})
        self.newest = report
        if self.sink:
            self.sink.send(report)

    def failed(self, run: int, attempt: int, error: BaseException) -> None:
        """Report that the attempt ends with *error*, unless its end is reported already."""
        if self.newest is not None and self.newest.phase != "Running":
            return
        known = self.newest or RunReport(run=run, attempt=attempt, phase="Running")
        self.send(known.model_copy(update=_ending(error) | {"message": _message(error)}))

    def close(self) -> None:
        """Write the termination message and give the last report its time."""
        if self.file and self.newest and self._may_write(self.newest, self.file):
            write_termination_message(self.newest, self.file)
        if self.sink:
            self.sink.close()

    def redact(self, text: str) -> str:
        """Take contents of Secrets and passwords in addresses out of *text*: libraries quote what they are given."""
        for secret in self.secrets:
            text = text.replace(secret, REDACTED)
        return re.sub(r"://[^/@\s]*@", f"://{REDACTED}@", text)

    def _may_write(self, report: RunReport, file: Path) -> bool:
        """Whether *report* may replace the file that processes of a pod share: a peer explains its own end best."""
        yields = not self.is_main or report.reason == WorkerLost.__name__
        return not (yields and file.exists() and file.stat().st_size)


def _parts(value: str) -> Iterator[str]:
    """The secrets in *value*: itself, and where it is an address the password in it, percent-encoded and decoded."""
    yield value
    with suppress(ValueError):
        password = urlsplit(value).password or ""
        yield from (password, unquote(password))


def _ending(error: BaseException) -> dict[str, object]:
    if isinstance(error, AtlasError):
        return {"phase": phase_after(error), "reason": error.reason, "exit_code": error.exit_code}
    return {"phase": "Failed", "reason": CRASHED, "exit_code": 1}


def _message(error: BaseException) -> str:
    """The text of an error of ours, the last line of the traceback of another one."""
    return str(error) if isinstance(error, AtlasError) else traceback.format_exception_only(error)[-1]
