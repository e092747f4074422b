"""`validate --here`, `run --check`: does this machine have what a manifest names? All at once; nothing is changed."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from support.trainer.trainings import training_document, write_export

from atlas_core.commands.validate import check_run, validate

SERVICE: dict[str, Any] = {
    "apiVersion": "atlas.arc.computer/v1alpha1",
    "kind": "RewardService",
    "metadata": {"name": "judges"},
    "spec": {
        "judges": [{"name": "right", "rubric": "accuracy"}],
        "models": {"small": {"model": "m", "baseUrl": "http://localhost:1/v1"}},
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A machine that has all that `training_document` names."""
    write_export(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "checks").write_text("no credentials")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "nowhere.jsonl").symlink_to("nothing")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "latin").write_bytes(b"\xe9")
    with chdir(tmp_path):
        yield tmp_path


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("ATLAS_", "AWS_", "KUBERNETES_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ATLAS_BLANK", " ")


def write(folder: Path, document: dict[str, Any], name: str = "manifest.yaml") -> Path:
    file = folder / name
    file.write_text(yaml.safe_dump(document))
    return file


def training(folder: Path, **spec: Any) -> Path:
    return write(folder, training_document(folder, **spec))


def service(folder: Path, **spec: Any) -> dict[str, Any]:
    return SERVICE | {"spec": SERVICE["spec"] | spec}


def said(file: Path, command: Callable[[Console], int]) -> tuple[int, list[str]]:
    output = StringIO()
    code = command(Console(file=output, width=40))
    return code, [line.removeprefix(f"{file}: ") for line in output.getvalue().splitlines()]


def here(file: Path) -> list[str]:
    """What a look at this machine says, by either of its names."""
    by_validate = said(file, lambda console: validate([file], console, here=True))
    if "kind: AtlasTraining" in file.read_text():
        assert said(file, lambda console: check_run(file, console)) == by_validate
    code, lines = by_validate
    assert code == (0 if lines[-1] == "ok" else 2)
    return lines


def alone(file: Path) -> list[str]:
    """What is said about the manifest alone."""
    return said(file, lambda console: validate([file], console))[1]


def verified(**kind: Any) -> dict[str, Any]:
    return {"verifiers": [{"name": "mine", **kind}]}


MISSING: list[tuple[str, dict[str, Any], str]] = [
    ("traces that are not there", {"traces": {"file": {"path": "no.jsonl"}}},
     "spec.traces.file.path: no.jsonl does not exist; check traces.file.path"),
    ("a folder without exports", {"traces": {"file": {"path": "model"}}},
     "spec.traces.file.path: model holds no file whose name ends in"),
    ("a path through a file", {"traces": {"file": {"path": "traces.jsonl/x"}}},
     "spec.traces.file.path: traces.jsonl/x does not exist"),
    ("a link that leads nowhere", {"traces": {"file": {"path": "links"}}},
     "spec.traces.file.path: links/nowhere.jsonl does not exist"),
    ("a link that leads to itself", {"traces": {"file": {"path": "loop"}}},
     "spec.traces.file.path: loop cannot be read: Too many levels of symbolic links"),
    ("a path on two lines", {"traces": {"file": {"path": "a\nb"}}},
     r"spec.traces.file.path: a\nb does not exist"),
    ("a path longer than any", {"traces": {"file": {"path": "x" * 4096}}},
     f"spec.traces.file.path: {'x' * 60}...: longer than a path can be; shorten it"),
    ("a model longer than any", {"model": {"source": "x" * 1024, "maxLength": 128}},
     f"spec.model.source: {'x' * 60}...: longer than a path can be; shorten it"),
    ("checkpoints with a name longer than any", {"checkpoints": {"local": {"path": "x" * 300}}},
     f"spec.checkpoints.local.path: {'x' * 60}...: longer than a path can be; shorten it"),
    ("credentials longer than any", {"checkpoints": {"s3": {"uri": "s3://b", "credentialsFrom": {"file": "x" * 300}}}},
     f"spec.checkpoints.s3.credentialsFrom: {'x' * 60}...: longer than a path can be; shorten it"),
    ("a blank variable", {"traces": {"postgres": {"urlFrom": {"env": "ATLAS_BLANK"}}}},
     "spec.traces.postgres.urlFrom: environment variable ATLAS_BLANK is not set or empty"),
    ("a secret that is no text", {"traces": {"postgres": {"urlFrom": {"file": "latin"}}}},
     "spec.traces.postgres.urlFrom: secret file latin cannot be read: not UTF-8 text"),
    ("checkpoints behind a link that leads nowhere", {"checkpoints": {"local": {"path": "links/nowhere.jsonl/x"}}},
     "spec.checkpoints.local.path: "),
    ("the home of nobody", {"traces": {"file": {"path": "~nobody-by-this-name/x"}}},
     "spec.traces.file.path: ~nobody-by-this-name/x: there is no home folder of this user; write the path in full"),
    ("a variable that is not set", {"traces": {"postgres": {"urlFrom": {"env": "ATLAS_DB_URL"}}}},
     "spec.traces.postgres.urlFrom: environment variable ATLAS_DB_URL is not set or empty"),
    ("a Secret outside of a cluster",
     {"traces": {"postgres": {"urlFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}}},
     "spec.traces.postgres.urlFrom: environment variable ATLAS_TRACES_URL (on a cluster: key url of Secret db)"),
    ("a secret's file that is not there", {"traces": {"postgres": {"urlFrom": {"file": "no"}}}},
     "spec.traces.postgres.urlFrom: secret file no cannot be read: No such file or directory"),
    ("a secret's file that is a folder", {"traces": {"postgres": {"urlFrom": {"file": "model"}}}},
     "spec.traces.postgres.urlFrom: secret file model cannot be read: Is a directory"),
    ("credentials that are not there", {"traces": {"s3": {"uri": "s3://b/k", "credentialsFrom": {"file": "no"}}}},
     "spec.traces.s3.credentialsFrom: credentials file no does not exist; put it there or correct"),
    ("credentials that are none", {"checkpoints": {"s3": {"uri": "s3://b", "credentialsFrom": {"file": "checks"}}}},
     "spec.checkpoints.s3.credentialsFrom: credentials file checks cannot be read: it must have a [default]"),
    ("keys outside of a cluster",
     {"checkpoints": {"s3": {"uri": "s3://b", "credentialsFrom": {"secretRef": {"name": "s3"}}}}},
     "spec.checkpoints.s3.credentialsFrom: environment variable ATLAS_CHECKPOINTS_AWS_ACCESS_KEY_ID"),
    ("a claim outside of a cluster", {"checkpoints": {"volume": {"claimName": "models"}}},
     "spec.checkpoints.volume: needs a cluster"),
    ("a file for the folder of checkpoints", {"checkpoints": {"local": {"path": "traces.jsonl"}}},
     "spec.checkpoints.local.path: "),
    ("checkpoints below a file", {"checkpoints": {"local": {"path": "traces.jsonl/a/b"}}},
     "spec.checkpoints.local.path: "),
    ("a model that is not there", {"model": {"source": "./no", "maxLength": 128}},
     "spec.model.source: ./no: no such folder"),
    ("a model that is a file", {"model": {"source": "model/config.json", "maxLength": 128}},
     "spec.model.source: model/config.json: is a file"),
    ("a folder without a model", {"model": {"source": ".", "maxLength": 128}},
     "spec.model.source: . holds no config.json"),
    ("a service outside of a cluster", {"reward": {"serviceRef": {"name": "judges"}}},
     "spec.reward.serviceRef.name: judges is looked up in a cluster; without one use url or file"),
    ("a token that is not set", {"reward": {"serviceRef": {"url": "http://a", "tokenFrom": {"env": "ATLAS_NO"}}}},
     "spec.reward.serviceRef.tokenFrom: environment variable ATLAS_NO is not set or empty"),
    ("code that nobody allowed", {"reward": verified(code={})},
     "spec.reward.verifiers[0].code: this process may not run code; set the environment variable ATLAS_ALLOW_CODE=1"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "problem"), [pytest.param(*case[1:], id=case[0]) for case in MISSING])
def test_what_this_machine_lacks_is_told_with_its_field_and_only_here(
    folder: Path, spec: dict[str, Any], problem: str
) -> None:
    file = training(folder, **spec)
    (line,) = here(file)
    assert line.startswith(problem)
    assert alone(file) == ["ok"]


def test_where_all_is_there_it_is_ok(folder: Path) -> None:
    assert here(training(folder)) == ["ok"]


def test_everything_that_is_missing_is_told_at_once(folder: Path) -> None:
    spec = {
        "model": {"source": "./no", "maxLength": 128},
        "traces": {"file": {"path": "no.jsonl"}},
        "reward": verified(python={"entryPoint": "no_such_module:f"}),
        "checkpoints": {"volume": {"claimName": "models"}},
        "trainerArgs": {"seed": 1, "top_kk": 1},
    }
    assert [line.split(": ")[0] for line in here(training(folder, **spec))] == [
        "spec.trainerArgs.seed",
        "spec.trainerArgs.top_kk",
        "spec.reward.verifiers[0].python.entryPoint",
        "spec.model.source",
        "spec.traces.file.path",
        "spec.checkpoints.volume",
    ]


def test_a_hub_id_is_noted_and_nobody_is_asked(folder: Path) -> None:
    assert here(training(folder, model={"source": "models/mine", "maxLength": 128})) == [
        "note: spec.model.source: models/mine is no folder here; the model hub will be asked for it",
        "ok",
    ]


def test_adapters_are_a_model(folder: Path) -> None:
    (folder / "model" / "config.json").rename(folder / "model" / "adapter_config.json")
    assert here(training(folder)) == ["ok"]


def test_the_service_of_a_file_is_looked_at_too(folder: Path) -> None:
    models = {"small": SERVICE["spec"]["models"]["small"] | {"apiKeyFrom": {"env": "ATLAS_NO_KEY"}}}
    write(folder, service(folder, models=models, cache={"path": "no/cache"}, **verified(code={})), "judges.yaml")
    lines = here(training(folder, reward={"serviceRef": {"file": "judges.yaml"}}))
    assert [line.partition(": spec.")[2].split(": ")[0] for line in lines] == [
        "verifiers[0].code",
        "models.small.apiKeyFrom",
        "cache.path",
    ]
    assert all(line.startswith("spec.reward.serviceRef.file: spec.") for line in lines)


def test_a_service_by_itself_needs_its_keys_and_its_token(folder: Path) -> None:
    models = {
        size: {"model": "m", "baseUrl": "http://a/v1", "apiKeyFrom": {"file": f"no-{size}"}}
        for size in ("small", "large")
    }
    file = write(folder, service(folder, models=models, tokenFrom={"env": "ATLAS_NO"}, cache={"path": "."}))
    assert [line.split(": ")[0] for line in here(file)] == [
        "spec.models.small.apiKeyFrom",
        "spec.models.large.apiKeyFrom",
        "spec.cache.path",
        "spec.tokenFrom",
    ]
    assert alone(file) == ["ok"]


def test_no_secret_is_ever_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_JUDGE_KEY", "hunter2-\u00e9")
    (folder / "token").write_text("hunter2\nhunter2")
    source = {"model": "m", "baseUrl": "http://a/v1", "apiKeyFrom": {"env": "ATLAS_JUDGE_KEY"}}
    file = write(folder, service(folder, models={"small": source}, tokenFrom={"file": "token"}))
    lines = here(file)
    assert [line.split(": ")[0] for line in lines] == ["spec.models.small.apiKeyFrom", "spec.tokenFrom"]
    assert "hunter2" not in "".join(lines)


def test_run_takes_no_reward_service(folder: Path) -> None:
    file = write(folder, SERVICE)
    assert said(file, lambda console: check_run(file, console)) == (
        2,
        ["kind: RewardService is not AtlasTraining, which is needed here; name another file"],
    )


def test_nothing_is_made_or_changed(folder: Path) -> None:
    (folder / "checks.py").write_text("open('ran', 'w')\ndef f(item): return 1.0\n")
    file = training(folder, reward=verified(python={"entryPoint": "checks:f"}))

    def seen() -> list[tuple[str, int, int]]:
        return [(str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in sorted(folder.rglob("*"))]

    before = seen()
    assert here(file) == ["ok"]
    assert seen() == before


@pytest.fixture
def readable_by_all() -> Iterator[Path]:
    """A folder that another user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        write_export(Path(name))
        (Path(name) / "model").mkdir()
        (Path(name) / "model" / "config.json").write_text("{}")
        yield Path(name)


def without_rights(work: Callable[[], list[str]]) -> list[str]:
    """What *work* gives to a user who is not root."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        os.write(writing, "\n".join(work()).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read().splitlines()


def test_what_this_user_may_not_read_or_write_is_told(readable_by_all: Path) -> None:
    folder = readable_by_all
    (folder / "model").chmod(0)
    (folder / "traces.jsonl").chmod(stat.S_IWUSR)
    (folder / "runs").mkdir(mode=0o555)
    file = training(folder)
    try:
        lines = without_rights(lambda: here(file))
    finally:
        (folder / "model").chmod(0o755)
    assert lines == [
        f"spec.model.source: {folder}/model may not be read by this user; change its permissions or owner",
        f"spec.traces.file.path: {folder}/traces.jsonl may not be read by this user; change its permissions or owner",
        f"spec.checkpoints.local.path: {folder}/runs may not be written to by this user;"
        " change its permissions or owner",
    ]
