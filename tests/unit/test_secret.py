"""A secret comes from where the manifest says, and never shows."""

from pathlib import Path

import pytest

from atlas_api.errors import SourceMissing
from atlas_api.secrets import SecretSource
from atlas_trainer.secret import read_secret


def test_secret_of_a_file_comes_without_the_white_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("\n postgresql://a b \n")
    assert read_secret(SecretSource(file=str(tmp_path / "url"))) == "postgresql://a b"


def test_secret_of_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_TEST_URL", "postgresql://x ")
    assert read_secret(SecretSource(env="ATLAS_TEST_URL")) == "postgresql://x"


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_missing_or_empty_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("ATLAS_TEST_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("ATLAS_TEST_URL", value)
    with pytest.raises(SourceMissing, match="environment variable ATLAS_TEST_URL is not set or empty"):
        read_secret(SecretSource(env="ATLAS_TEST_URL"))


def test_missing_unreadable_and_empty_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" ")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, why in (("empty", "empty"), ("binary", "not UTF-8"), ("absent", "No such file"), (".", "directory")):
        with pytest.raises(SourceMissing, match=rf"{tmp_path}/?{name if name != '.' else ''}.*{why}"):
            read_secret(SecretSource(file=str(tmp_path / name)))
