"""What a person, or a log file, sees of a run."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.trainer.measured import START, make_dataset, make_model, make_result, make_run, make_sample, trl_log

from atlas_api.errors import Preempted
from atlas_api.pods.run_file import TrainingRun
from atlas_api.training.status import LocalStatus
from atlas_trainer.evaluation.comparison import Comparison
from atlas_trainer.reporting.load_snippet import load_snippet
from atlas_trainer.reporting.status import (
    progress_at,
    status_after_dataset,
    status_after_failure,
    status_after_start,
    status_after_step,
    status_after_success,
)
from atlas_trainer.reporting.summary import run_summary
from atlas_trainer.reporting.terminal import Terminal

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def plain(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width)


def live(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, _environ={"TERM": "xterm-256color"})


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def whole_run(console: Console) -> None:
    terminal = Terminal(console)
    terminal.reading(0)
    terminal.reading(160)
    terminal.evaluating("evaluating before", 0, 2)
    terminal.evaluating("evaluating before", 2, 2)
    terminal.evaluated(make_result(0, make_sample(1), make_sample(2), success=0.5))
    terminal.training(0, 2, None, None, START)
    terminal.step(1, 2, trl_log(1), 151, START)
    terminal.step(2, 2, trl_log(2), 0, START)
    terminal.close()


def test_a_log_file_gets_one_plain_line_an_event() -> None:
    console = plain()
    whole_run(console)
    assert shown(console).splitlines() == [
        "reading traces",
        "evaluating before",
        "held out, baseline: success 50 % (1/2)  reward 0.50  tokens 8.0  truncated 0 %",
        "training",
        "step 1/2 (50 %)  reward 0.30  loss 0.01  tokens 9.5  truncated 25 %  ETA 2m 31s",
        "step 2/2 (100 %)  reward 0.40  loss 0  tokens 9.5  truncated 25 %  ETA 0s",
    ]


def test_a_log_file_holds_no_control_characters() -> None:
    console = plain()
    whole_run(console)
    assert CONTROL.findall(shown(console)) == []


def test_a_dumb_terminal_gets_plain_lines() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    whole_run(console)
    assert "step 1/2 (50 %)" in shown(console)


def test_a_line_is_never_broken_in_a_log_file_however_narrow() -> None:
    console = plain(width=20)
    whole_run(console)
    assert len(shown(console).splitlines()) == 6


def test_a_terminal_shows_step_percent_reward_success_and_time_left() -> None:
    console = live(width=100)
    terminal = Terminal(console)
    terminal.evaluated(make_result(0, success=0.25))
    terminal.step(1, 4, trl_log(1), 3600, START)
    terminal.close()
    line = shown(console)
    for part in ("training", "25%", "step 1/4", "reward 0.30", "held out 25 %", "ETA"):
        assert part in line


def test_a_terminal_gets_its_cursor_back() -> None:
    console = live()
    whole_run(console)
    hidden, visible = "\x1b[?25l", "\x1b[?25h"
    assert shown(console).rindex(visible) > shown(console).rindex(hidden)


@pytest.mark.parametrize("console", [plain(), live()], ids=["plain", "live"])
def test_text_of_strangers_is_shown_and_not_obeyed(console: Console) -> None:
    terminal = Terminal(console)
    terminal.note("[bold red]x[/] \x1b[2J\x07 a\nb \u202eright to left [link=http://evil.example]here[/link]")
    terminal.close()
    assert "[bold red]x[/]" in shown(console)
    assert "\x1b[2J" not in shown(console)
    assert "\x07" not in shown(console)
    assert "\u202e" not in shown(console)
    assert "a b" in shown(console)


def test_text_that_the_console_cannot_encode_is_shown_as_far_as_it_goes() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Terminal(Console(file=file)).note("Größe \ud800 ok")
    file.seek(0)
    assert file.read() == "Gr??e \\ud800 ok\n"


def ended(folder: Path, after: float | None, **spec: Any) -> str:
    """The summary of a run that started from 20 % and ended with *after*."""
    run = make_run(folder, **spec)
    status = status_after_step(status_after_start(None, run, START), progress_at(4, 4, 0, START), {})
    return summary_text(run, status_after_success(status, make_model(), START), after)


def summary_text(run: TrainingRun, status: LocalStatus, after: float | None) -> str:
    results = [make_result(0, success=0.2, tokens=14.0)]
    if after is not None:
        results.append(make_result(4, success=after, tokens=7.0))
    console = plain()
    console.print(run_summary(run, status, Comparison.of(results), "/runs/demo"), soft_wrap=True)
    return re.sub(" +", " ", shown(console))


def test_the_summary_compare_before_and_after(tmp_path: Path) -> None:
    text = ended(tmp_path, 0.95)
    assert "success 20 % 95 % +75 points" in text
    assert "reward 0.20 0.95" in text
    assert "completion tokens 14.0 7.0 -50 %" in text


def test_the_line_for_tensorboard_can_be_run_or_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "tensorboard --logdir /runs/demo/tensorboard"
    assert f"TensorBoard {line} # first: pip install tensorboard\n" in ended(tmp_path, 0.95)
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert f"TensorBoard {line}\n" in ended(tmp_path, 0.95)


def test_the_summary_says_how_tasks_were_held_out(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    status = status_after_dataset(status_after_start(None, run, START), make_dataset())
    assert "Held out: 38 of 160 rows, by task: " in summary_text(run, status, 0.95)


def test_a_target_is_met_or_missed(tmp_path: Path) -> None:
    targets = {"targets": {"successDelta": 0.3, "tokenReduction": 0.6}}
    text = ended(tmp_path, 0.5, evaluation=targets)
    assert "+30 points met (+30 points)" in text
    assert "-50 % missed (60 % fewer)" in text


def test_no_target_is_judged_without_a_second_measurement(tmp_path: Path) -> None:
    text = ended(tmp_path, None, evaluation={"targets": {"successDelta": 0.3}})
    assert "success 20 % - -" in text
    assert "missed" not in text


def test_the_summary_says_how_to_load_a_full_model(tmp_path: Path) -> None:
    text = ended(tmp_path, 0.9)
    assert 'AutoModelForCausalLM.from_pretrained("/models/agents/demo/run-0001/final")' in text
    assert "peft" not in text


def test_the_summary_says_how_to_load_adapters(tmp_path: Path) -> None:
    text = ended(tmp_path, 0.9, model={"source": "m", "lora": {}})
    assert "from peft import AutoPeftModelForCausalLM" in text
    assert 'AutoPeftModelForCausalLM.from_pretrained("/models/agents/demo/run-0001/final")' in text


def test_a_model_in_an_object_store_is_fetched_first(tmp_path: Path) -> None:
    run = make_run(tmp_path, checkpoints={"s3": {"uri": "s3://models/atlas", "endpoint": "http://minio:9000"}})
    lines = load_snippet("s3://models/atlas/agents/demo/run-0001/final", run.spec)
    fetch = (
        "aws s3 cp --recursive --endpoint-url http://minio:9000 s3://models/atlas/agents/demo/run-0001/final ./model"
    )
    assert fetch in lines
    assert 'AutoModelForCausalLM.from_pretrained("./model")' in lines


def test_a_command_to_copy_does_what_it_says_whatever_the_address(tmp_path: Path) -> None:
    run = make_run(tmp_path, checkpoints={"s3": {"uri": "s3://models/my runs;true"}})
    lines = load_snippet("s3://models/my runs;true/agents/demo/run-0001/final", run.spec)
    assert "aws s3 cp --recursive 's3://models/my runs;true/agents/demo/run-0001/final' ./model" in lines


def test_a_model_on_a_claim_is_copied_first(tmp_path: Path) -> None:
    run = make_run(tmp_path, checkpoints={"volume": {"claimName": "models"}})
    lines = load_snippet("pvc://models/agents/demo/run-0001/final", run.spec)
    assert "copy agents/demo/run-0001/final from the claim models to ./model" in lines
    assert 'AutoModelForCausalLM.from_pretrained("./model")' in lines


def test_an_interrupted_run_says_where_it_stopped_and_offers_no_model(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    status = status_after_step(status_after_start(None, run, START), progress_at(2, 4, 9, START), {})
    text = summary_text(run, status_after_failure(status, Preempted("saved"), True, START), None)
    assert "Run 1 of agents/demo was interrupted after step 2 of 4" in text
    assert "from_pretrained" not in text
