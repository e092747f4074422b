"""A model that is broken or does not fit the manifest is refused before sessions are read: exit 2, and the cure."""

import re
from pathlib import Path

import pytest
from support.trainer.broken_models import BREAKAGES, Breakage
from support.trainer.tiny_model import save_tiny_model
from support.trainer.trainings import write_manifest

from atlas_core.main import main


@pytest.mark.parametrize("breakage", [pytest.param(breakage, id=breakage.name) for breakage in BREAKAGES])
def test_it_is_refused_with_tensor_token_or_field(
    breakage: Breakage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_tiny_model(tmp_path / "model")
    breakage.break_it(model)
    # There are no traces: whoever complained of that would have looked at them first.
    manifest = write_manifest(tmp_path, model={"source": str(model), "maxLength": 128, **breakage.model})
    assert main(["run", "-f", str(manifest)]) == 2
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    assert "traces" not in printed
    assert re.search(breakage.message, " ".join(printed.split())), printed
