"""
What a pod says of its attempt: to the progress ConfigMap while it runs, in its termination message when it ends.

Made by `__main__`, told by the reporter; what the reporter did not live to tell, `__main__` adds. Only the first
process of the run reports progress; the others are heard when they fail for a reason of their own.
"""

import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from atlas_api.errors import AtlasError, WorkerLost
from atlas_api.pods.cluster_report import ACCOUNT, ClusterReport
from atlas_api.pods.contract import (
    ATTEMPT,
    AWS_KEYS,
    CHECKPOINTS_S3,
    REWARD_TOKEN,
    TERMINATION_FILE,
    TRACES_S3,
    TRACES_URL,
)
from atlas_api.pods.run_report import RunReport
from atlas_trainer.reporting.status import MESSAGE_LIMIT, phase_after
from atlas_trainer.reporting.termination import leave
from atlas_trainer.reporting.untrusted_text import one_line

HIDDEN = "…"
SECRETS = (TRACES_URL, REWARD_TOKEN, *(f"{prefix}{key}" for prefix in (TRACES_S3, CHECKPOINTS_S3) for key in AWS_KEYS))
SECRET_LENGTH = 4
"""Shorter values would blacken ordinary words."""

CRASHED = "Crashed"
"""Reason of an end that no `AtlasError` names."""


class Voice:
    """Says nothing outside the operator's pods."""

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
        self.hide(SECRETS)

    def hide(self, names: Iterable[str]) -> None:
        """From now on, what these environment variables hold is taken out of all that is said."""
        found = {part for name in names for part in _parts(self._environment.get(name, "").strip())}
        known = {*self.secrets, *(part for part in found if len(part) >= SECRET_LENGTH)}
        self.secrets = sorted(known, key=len, reverse=True)  # a secret may hold another one

    def say(self, report: RunReport) -> None:
        """Pass on *report*, without secrets in what it says. Returns at once."""
        if report.message is not None:
            words = one_line(self.without_secrets(report.message), MESSAGE_LIMIT)
            report = report.model_copy(update={"message": words})
        self.newest = report
        if self.sink:
            self.sink.send(report)

    def failed(self, run: int, attempt: int, error: BaseException) -> None:
        """The attempt ends with *error*, unless the end was told already."""
        if self.newest is not None and self.newest.phase != "Running":
            return
        known = self.newest or RunReport(run=run, attempt=attempt, phase="Running")
        self.say(known.model_copy(update=_ending(error) | {"message": _words(error)}))

    def close(self) -> None:
        """Leave the termination message and give the last report its time."""
        if self.file and self.newest and self._knows_best(self.newest, self.file):
            leave(self.newest, self.file)
        if self.sink:
            self.sink.close()

    def without_secrets(self, words: str) -> str:
        """Libraries may quote what they were given: contents of Secrets and passwords in addresses are taken out."""
        for secret in self.secrets:
            words = words.replace(secret, HIDDEN)
        return re.sub(r"://[^/@\s]*@", f"://{HIDDEN}@", words)

    def _knows_best(self, report: RunReport, file: Path) -> bool:
        """Processes of one pod share the file. That a peer is gone, its own words explain better."""
        yields = not self.is_main or report.reason == WorkerLost.__name__
        return not (yields and file.exists() and file.stat().st_size)


def _parts(value: str) -> Iterator[str]:
    """*value*, and where it is an address the password in it, as it is written and as it is meant."""
    yield value
    with suppress(ValueError):
        password = urlsplit(value).password or ""
        yield from (password, unquote(password))


def _ending(error: BaseException) -> dict[str, object]:
    if isinstance(error, AtlasError):
        return {"phase": phase_after(error), "reason": error.reason, "exit_code": error.exit_code}
    return {"phase": "Failed", "reason": CRASHED, "exit_code": 1}


def _words(error: BaseException) -> str:
    """An error of ours in its own words, another as the last line of its traceback."""
    return str(error) if isinstance(error, AtlasError) else traceback.format_exception_only(error)[-1]
