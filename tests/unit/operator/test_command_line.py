"""The command line of the operator."""

import pytest

from atlas_operator.main import settings_of
from atlas_operator.settings import Settings


def test_without_options_the_whole_cluster_is_served() -> None:
    assert settings_of([]) == Settings()


def test_namespaces_add_up() -> None:
    assert settings_of(["--namespace", "a", "--namespace", "b"]).namespaces == ("a", "b")


def test_all_options_arrive() -> None:
    line = "--trainer-image i:1 --health-port 9 --workers 2 --log-format plain --lease a/b --rewards-image r:1"
    line += " --allow-code"
    assert settings_of(line.split()) == Settings("i:1", (), 2, 9, "plain", "a/b", "r:1", True)


@pytest.mark.parametrize("line", ["--lease name", "--lease a/b/c", "--workers 0", "--log-format xml", "stray"])
def test_nonsense_is_refused(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings_of(line.split())
    assert line.split(maxsplit=1)[0] in capsys.readouterr().err
