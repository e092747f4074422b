"""Weights & Biases and others get the numbers where `trainerArgs.report_to` asks, and what they need is there."""

from pathlib import Path
from typing import Any

import pytest
import support.trainer

from atlas_api import InvalidManifest
from atlas_trainer.algorithms.trackers import trackers_of

FAKE = next(Path(folder) / "fake_wandb" for folder in support.trainer.__path__)
KEY = {"WANDB_API_KEY": "k" * 40}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake package can be imported."""
    monkeypatch.syspath_prepend(FAKE)


@pytest.mark.parametrize("asked", [None, [], "none", "tensorboard", ["tensorboard", "none"]])
def test_without_a_tracker_nobody_is_told(asked: Any) -> None:
    assert trackers_of({"report_to": asked}, {}) == []
    assert trackers_of({}, {}) == []


@pytest.mark.parametrize("asked", ["wandb", ["wandb"], ["tensorboard", "wandb", "wandb"]])
@pytest.mark.usefixtures("installed")
def test_a_tracker_with_its_key_is_told(asked: Any) -> None:
    assert trackers_of({"report_to": asked}, KEY) == ["wandb"]


@pytest.mark.usefixtures("installed")
def test_a_key_may_lie_where_the_login_of_wandb_writes_it(tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.wandb.ai login user password secret\n")
    assert trackers_of({"report_to": "wandb"}, {"NETRC": str(netrc)}) == ["wandb"]
    with pytest.raises(InvalidManifest, match="no key"):
        trackers_of({"report_to": "wandb"}, {"NETRC": str(netrc), "WANDB_BASE_URL": "https://wandb.example.org"})


@pytest.mark.parametrize("mode", ["offline", "disabled"])
@pytest.mark.usefixtures("installed")
def test_files_alone_need_no_key(mode: str, tmp_path: Path) -> None:
    assert trackers_of({"report_to": "wandb"}, {"WANDB_MODE": mode, "NETRC": str(tmp_path / "none")}) == ["wandb"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param("wandb", "wandb is not installed here: pip install wandb", id="not installed"),
        pytest.param(["mlflow"], "mlflow is not installed here: pip install mlflow", id="another"),
        pytest.param("wanbd", "'wanbd' is none of wandb, mlflow, none, tensorboard", id="misspelt"),
        pytest.param("all", "'all' is none of", id="whatever is installed"),
        pytest.param(5, "must be a name or a list of names", id="a number"),
        pytest.param([["wandb"]], "must be a name or a list of names", id="a list in a list"),
        pytest.param({"wandb": True}, "must be a name or a list of names", id="an object"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(asked: Any, message: str) -> None:
    with pytest.raises(InvalidManifest, match=rf"^spec\.trainerArgs\.report_to: .*{message}"):
        trackers_of({"report_to": asked}, KEY)


@pytest.mark.parametrize("content", [None, "machine", "machine api.example.org login a password b\n"])
@pytest.mark.usefixtures("installed")
def test_a_key_that_is_not_there_is_named_with_the_cure(tmp_path: Path, content: str | None) -> None:
    netrc = tmp_path / "netrc"
    if content is not None:
        netrc.write_text(content)
    with pytest.raises(InvalidManifest, match=r"set WANDB_API_KEY .*secretKeyRef.*WANDB_MODE=offline"):
        trackers_of({"report_to": "wandb"}, {"NETRC": str(netrc)})
