"""`atlas-core validate`, and `run --check`: what can be known before anything runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from atlas_api import InvalidManifest
from atlas_api.text import escaped
from atlas_core.checks.findings import Findings
from atlas_core.checks.here import check_here
from atlas_core.checks.manifest import check_manifest, read_manifest


def validate(files: Sequence[Path], console: Console, *, here: bool = False, importing: bool = False) -> int:
    """Print one line a problem and a note, or `ok`, for each file. The exit code: 0 when all are good, else 2.

    *here*: this machine is looked at too. *importing*: functions of the user's own are imported, which runs their code.
    """
    return _told({file: _findings(file, "manifest", here=here, importing=importing) for file in files}, console)


def check_run(file: Path, console: Console) -> int:
    """`validate --here` for what `run` takes. Returns the exit code."""
    return _told({file: _findings(file, "AtlasTraining", here=True, importing=False)}, console)


def _told(found: Mapping[Path, Findings], console: Console) -> int:
    for file, findings in found.items():
        for problem in findings.problems:
            _say(console, f"{file}: {problem}", "red")
        for note in findings.notes:
            _say(console, f"{file}: note: {note}", "yellow")
        if not findings.problems:
            _say(console, f"{file}: ok")
    return InvalidManifest.exit_code if any(findings.problems for findings in found.values()) else 0


def _findings(file: Path, kind: str, *, here: bool, importing: bool) -> Findings:
    try:
        manifest = read_manifest(file, kind)
    except InvalidManifest as error:
        return Findings(error.problems)
    findings = check_manifest(manifest, importing=importing)
    if here:
        more = check_here(manifest)
        findings.problems += more.problems
        findings.notes += more.notes
    return findings


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(escaped(line), style=style), soft_wrap=True)
