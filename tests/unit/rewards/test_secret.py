"""A secret comes from where the manifest says, and never shows."""

from pathlib import Path

import pytest

from atlas_api.errors import SourceMissing
from atlas_api.pods.contract import TRACES_URL
from atlas_api.secrets import SecretKeyRef, SecretSource
from atlas_rewards.secret import read_secret


def test_secret_of_a_file_comes_without_the_white_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("\n postgresql://a b \n")
    assert read_secret(SecretSource(file=str(tmp_path / "url")), TRACES_URL) == "postgresql://a b"


def test_secret_of_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_TEST_URL", "postgresql://x ")
    assert read_secret(SecretSource(env="ATLAS_TEST_URL"), TRACES_URL) == "postgresql://x"


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_missing_or_empty_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("ATLAS_TEST_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("ATLAS_TEST_URL", value)
    with pytest.raises(SourceMissing, match="environment variable ATLAS_TEST_URL is not set or empty"):
        read_secret(SecretSource(env="ATLAS_TEST_URL"), TRACES_URL)


def test_missing_unreadable_and_empty_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" ")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"x" * 2**21)
    (tmp_path / "zero").symlink_to("/dev/zero")
    reasons = {
        "empty": "empty",
        "binary": "not UTF-8",
        "absent": "No such file",
        ".": "directory",
        "huge": "longer than 1,048,576 bytes",
        "zero": "a device, not a file",
    }
    for name, why in reasons.items():
        with pytest.raises(SourceMissing, match=rf"{tmp_path}/?{name if name != '.' else ''}.*{why}"):
            read_secret(SecretSource(file=str(tmp_path / name)), TRACES_URL)


def test_key_of_a_secret_comes_in_the_variable_that_pods_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRACES_URL, "postgresql://x")
    source = SecretSource(secret_key_ref=SecretKeyRef(name="atlas-db", key="url"))
    assert read_secret(source, TRACES_URL) == "postgresql://x"


def test_variable_and_secret_are_named_where_the_key_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TRACES_URL, raising=False)
    source = SecretSource(secret_key_ref=SecretKeyRef(name="atlas-db", key="url"))
    with pytest.raises(
        SourceMissing, match=r"ATLAS_TRACES_URL \(on a cluster: key url of Secret atlas-db\) is not set"
    ):
        read_secret(source, TRACES_URL)
