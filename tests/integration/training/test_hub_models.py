"""Models from the model hub, a fake on localhost: checked like those in a folder, and downloaded once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.server.fake_hub import COMMIT, FakeHub
from support.trainer.broken_models import drop, shard
from support.trainer.trainings import write_manifest

FINAL = Path("runs/agents/demo/run-0001/final")
OPTIMIZATION = {"maxSteps": 1, "batchSize": 8, "microBatchSize": 8}


@pytest.fixture
def hub(folder: Path) -> Iterator[FakeHub]:
    """A hub that has the tiny model as `desk/tiny`; no folder has it."""
    (folder / "model").rename(folder / "on-the-hub")
    with FakeHub() as running:
        running.models["desk/tiny"] = folder / "on-the-hub"
        yield running


def surroundings(folder: Path, hub: FakeHub) -> dict[str, str]:
    """Environment of a process that asks *hub* and has a cache of its own."""
    environment = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(folder / "cache")}
    environment.pop("HF_HUB_OFFLINE", None)
    return environment


def execute(folder: Path, hub: FakeHub, model: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    model = {"source": "desk/tiny", "maxLength": 128, **model}
    manifest = write_manifest(folder, model=model, optimization=OPTIMIZATION, evaluation={})
    command = [sys.executable, "-m", "atlas_core", "run", "-f", str(manifest)]
    return subprocess.run(
        command, env=surroundings(folder, hub), cwd=folder, capture_output=True, text=True, check=False
    )


def names_its_cache(folder: Path) -> list[Path]:
    """Files of the final model that tell where the cache of the hub was, which is nobody else's."""
    files = [path for path in (folder / FINAL).iterdir() if path.suffix in (".json", ".md")]
    return [path for path in files if str(folder / "cache") in path.read_text()]


def test_adapters_on_a_model_name_it_with_its_commit_and_are_gone_on_from(folder: Path, hub: FakeHub) -> None:
    ended = execute(folder, hub, {"lora": {"rank": 4}})
    assert ended.returncode == 0, ended.stderr
    settings = json.loads((folder / FINAL / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["revision"]) == ("desk/tiny", COMMIT)
    assert names_its_cache(folder) == []
    shutil.copytree(folder / FINAL, folder / "adapters")
    shutil.rmtree(folder / "runs")
    again = execute(folder, hub, {"source": str(folder / "adapters"), "lora": {"rank": 4}})
    assert again.returncode == 0, again.stderr
    assert json.loads((folder / FINAL / "adapter_config.json").read_text())["revision"] == COMMIT
    assert hub.downloads("model.safetensors") == 1


def test_a_model_in_shards_is_downloaded_once_and_named_with_its_commit(folder: Path, hub: FakeHub) -> None:
    shard(folder / "on-the-hub")
    ended = execute(folder, hub, {})
    assert ended.returncode == 0, ended.stderr
    names = [file.name for file in (folder / "on-the-hub").iterdir()]
    assert {name: hub.downloads(name) for name in names if hub.downloads(name) != 1} == {}
    manifest = json.loads((folder / FINAL / "manifest.json").read_text())
    assert manifest["base"] == {"source": "desk/tiny", "revision": COMMIT}
    assert names_its_cache(folder) == []


def found(folder: Path, hub: FakeHub, source: str, revision: str | None = None, **variables: str) -> tuple[str, str]:
    """What looking for a model ends with: class and message of the error, or the commit that was found."""
    code = (
        "import sys\nfrom atlas_api.training.model import ModelSpec\n"
        "from atlas_trainer.dataset.model_source import find_model\n"
        "model = ModelSpec(source=sys.argv[1], revision=sys.argv[2] or None)\n"
        "try:\n    print('found', find_model(model).base.revision)\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    command = [sys.executable, "-c", code, source, revision or ""]
    environment = {**surroundings(folder, hub), **variables}
    printed = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True).stdout
    kind, _, message = printed.strip().partition(" ")
    return kind, message


def test_what_the_hub_does_not_give_is_told_with_the_cure(folder: Path, hub: FakeHub) -> None:
    hub.models["desk/gated"] = folder / "on-the-hub"
    hub.gated.add("desk/gated")
    kind, message = found(folder, hub, "desk/nothing")
    assert (kind, "does not give it: check the id; for one that is private set HF_TOKEN" in message) == (
        "InvalidManifest",
        True,
    )
    kind, message = found(folder, hub, "a b")
    assert (kind, "no id of the model hub" in message) == ("InvalidManifest", True)
    kind, message = found(folder, hub, "desk/tiny", revision="v9")
    assert (kind, "spec.model.revision: desk/tiny has no such branch" in message) == ("InvalidManifest", True)
    kind, message = found(folder, hub, "desk/gated")
    assert (kind, "asks for consent first" in message) == ("AccessDenied", True)


def test_a_hub_that_cannot_be_reached_is_no_mistake_and_not_needed_for_what_is_here(folder: Path, hub: FakeHub) -> None:
    nobody = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    kind, message = found(folder, hub, "desk/tiny", **nobody)
    assert (kind, "the model hub cannot be reached" in message) == ("SourceUnreachable", True)
    assert found(folder, hub, "desk/tiny") == ("found", COMMIT)
    assert hub.downloads("model.safetensors") == 0
    assert found(folder, hub, "desk/tiny", **nobody) == ("found", COMMIT)


def test_what_does_not_fit_is_known_before_sessions_are_read(folder: Path, hub: FakeHub) -> None:
    (folder / "traces.jsonl").unlink()
    ended = execute(folder, hub, {"lora": {"targets": ["nothing"]}})
    assert (ended.returncode, "has no module nothing" in ended.stderr) == (2, True), ended.stderr
    assert hub.downloads("model.safetensors") == 0


def test_weights_are_checked_when_they_are_there(folder: Path, hub: FakeHub) -> None:
    drop("layers.1.mlp.")(folder / "on-the-hub")
    ended = execute(folder, hub, {})
    assert ended.returncode == 2, ended.stderr
    assert "lack 3 tensors, first model.layers.1.mlp.down_proj.weight" in " ".join(ended.stderr.split())
    assert not (folder / FINAL).exists()
