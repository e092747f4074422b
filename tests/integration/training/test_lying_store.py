"""A store whose listing, lengths and contents do not agree costs no more than the manifest says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support.server.fake_store import FakeLyingStore

from atlas_api.errors import AtlasError
from atlas_api.inputs.budgets import STATUS, OverBudgetError
from atlas_api.pods.contract import CHECKPOINTS_S3
from atlas_trainer.storage.checkpoints import RunCheckpoints
from atlas_trainer.storage.s3_client import client_for
from atlas_trainer.storage.s3_store import S3Store

# boto3 leaves the connection of a download that it gives up to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

RUN = "agents/demo/run-0001"
FOLDER = f"{RUN}/checkpoint-000050"
MANIFEST = json.dumps(
    {"version": 1, "step": 50, "files": {"model.safetensors": {"bytes": 1000, "sha256": "0" * 64}}}
).encode()


@contextmanager
def served(fake: FakeLyingStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    with fake.running() as endpoint:
        yield S3Store(client_for(endpoint, "us-east-1", None, CHECKPOINTS_S3), "models", "")


@pytest.mark.parametrize("head", [1000, 999, 0, 1001, 9 << 20, 64 << 20, 1 << 50])
def test_a_download_stops_at_the_length_in_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: int
) -> None:
    listed = {f"{FOLDER}/manifest.json": len(MANIFEST), f"{FOLDER}/model.safetensors": 1000}
    fake = FakeLyingStore(listed, {f"{FOLDER}/manifest.json": MANIFEST}, head)
    with served(fake, monkeypatch) as store, suppress(AtlasError):
        assert RunCheckpoints(store, RUN).newest_sound(tmp_path / "resume") is None
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert written <= 1000 + len(MANIFEST)
    assert fake.bytes_sent < 1 << 30


def test_a_document_without_an_end_is_read_up_to_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeLyingStore({}, {})
    with served(fake, monkeypatch) as store, pytest.raises(OverBudgetError):
        store.read("agents/demo/status.json", STATUS)
    assert fake.bytes_sent < 256 << 20


STRANGE = ("elsewhere/model.safetensors", "", "/", "../x", f"{RUN}", f"{FOLDER}", "x" * 2000, f"{FOLDER}/a\tb")


@pytest.mark.parametrize("strange", STRANGE)
def test_keys_that_nobody_asked_for_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strange: str) -> None:
    listed = {f"{FOLDER}/manifest.json": len(MANIFEST), f"{FOLDER}/model.safetensors": 1000, strange: 7}
    fake = FakeLyingStore(listed, {f"{FOLDER}/manifest.json": MANIFEST, f"{FOLDER}/model.safetensors": b"w" * 1000})
    with served(fake, monkeypatch) as store:
        assert RunCheckpoints(store, RUN).newest_sound(tmp_path / "resume") is None
    assert not list(tmp_path.rglob("elsewhere"))
