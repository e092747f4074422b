"""A judge's key comes from where the manifest says, and never shows."""

from pathlib import Path

import pytest

from atlas_api.errors import SourceMissing
from atlas_api.secrets import SecretKeyRef, SecretSource
from atlas_rewards.secret import read_token


def test_file_variable_and_secret_key_are_read_without_white_space(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("\n k1 \n")
    monkeypatch.setenv("SOME_KEY", " k2")
    monkeypatch.setenv("POD_KEY", "k3\n")
    secret = SecretKeyRef(name="judge", key="key")
    assert read_token(SecretSource(file=str(tmp_path / "key")), "POD_KEY") == "k1"
    assert read_token(SecretSource(env="SOME_KEY"), "POD_KEY") == "k2"
    assert read_token(SecretSource(secret_key_ref=secret), "POD_KEY") == "k3"


def test_a_missing_secret_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NO_KEY", raising=False)
    with pytest.raises(SourceMissing, match="environment variable NO_KEY is not set or empty; put"):
        read_token(SecretSource(env="NO_KEY"), "POD_KEY")
    secret = SecretKeyRef(name="judge", key="token")
    with pytest.raises(SourceMissing, match=r"NO_KEY \(on a cluster: key token of Secret judge\) is not set"):
        read_token(SecretSource(secret_key_ref=secret), "NO_KEY")
    with pytest.raises(SourceMissing, match=r"absent cannot be read: No such file"):
        read_token(SecretSource(file=str(tmp_path / "absent")), "POD_KEY")


@pytest.mark.parametrize("value", ["two\nlines", "schlüssel", "a\x00b"])
def test_what_no_header_can_carry_is_refused_without_being_shown(tmp_path: Path, value: str) -> None:
    (tmp_path / "key").write_text(value)
    with pytest.raises(SourceMissing, match="must hold one line of ASCII") as caught:
        read_token(SecretSource(file=str(tmp_path / "key")), "POD_KEY")
    assert value not in str(caught.value)
