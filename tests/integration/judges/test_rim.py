"""`RIMReward` as programs of ATLAS use it, over real HTTP."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.judges.judge_replies import JudgeRequest, Reply, refusal, verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import judges_manifest, write_manifest

import RIM
from RIM.reward_adapter import RIMEvaluation, RIMReward

JUDGES = ("accuracy", "helpfulness", "process", "diagnostic")

SCORES = {"accuracy": 0.2, "helpfulness": 0.9, "process": 0.9, "diagnosis": 0.1}
"""Of the worked example: after the rules 0.2, 0.2, 0.3 and 0.1."""


def example(request: JudgeRequest) -> Reply:
    (score,) = [score for name, score in SCORES.items() if f"What you judge: {name}." in request.text]
    return verdict(score, rationale=f"about {score}")


def by_answer(request: JudgeRequest) -> Reply:
    if "unscored" in request.text:
        return refusal(400)
    return verdict(0.9 if "\n42\n" in request.text else 0.1)


@contextmanager
def reward(directory: Path, script: Any, judges: Sequence[str] = JUDGES) -> Iterator[RIMReward]:
    """A reward from a manifest whose models are scripted."""
    with ScriptedJudge(script) as judge:
        file = write_manifest(directory / "judges.yaml", judges_manifest(judge.base_url, judges))
        made = RIMReward(config_path=str(file))
        yield made
        made.close()


def test_one_answer_is_evaluated_with_the_same_numbers_everywhere(tmp_path: Path) -> None:
    with reward(tmp_path, example) as rim:
        evaluation = rim.evaluate("6*7?", "42", ground_truths="42", constitution_principles="be kind")
    assert evaluation.score == pytest.approx(0.2)
    assert {name: round(score or 0, 9) for name, score in evaluation.judge_scores.items()} == {
        "accuracy": 0.2,
        "helpfulness": 0.2,
        "process": 0.3,
        "diagnostic": 0.1,
    }
    assert evaluation.reward.score == evaluation.score
    assert {judge.identifier: judge.score for judge in evaluation.reward.judges} == evaluation.judge_scores
    assert (
        evaluation.judge_explanations["process"] == "about 0.9\n[Consistency] processAboveAccuracy: 0.9 lowered to 0.3"
    )
    assert evaluation.rationale.splitlines()[0] == "accuracy: about 0.2"
    assert evaluation.extra is not None
    assert evaluation.extra["raw_tensors"] is None
    assert evaluation.extra["info"]["structured_reward"] is evaluation.reward
    assert json.loads(json.dumps(evaluation.reward.to_dict()))["judges"][0]["samples"][0]["temperature"] == 0.2
    assert rim.last_structured_rewards == [evaluation.reward]


def test_a_batch_gives_a_list_a_pair_or_three(tmp_path: Path) -> None:
    with reward(tmp_path, by_answer, judges=["accuracy"]) as rim:
        batch: tuple[list[str], list[str]] = (["6*7?"] * 3, ["42", "unscored", "41"])
        assert rim(*batch) == [0.9, None, 0.1]
        rewards, infos = rim(*batch, return_info_dict=True)
        assert rewards == [0.9, None, 0.1]
        assert [set(info) for info in infos] == [{"rewards", "explanations", "structured_reward"}] * 3
        assert infos[0]["rewards"] == {"accuracy": 0.9}
        assert infos[1]["rewards"] == {"accuracy": None}
        assert infos[1]["explanations"]["accuracy"].startswith("[No verdict] ")
        assert rim(*batch, return_info_dict=True, return_raw_tensors=True)[2] == [{}, {}, {}]
        assert [breakdown.score for breakdown in rim.last_structured_rewards] == [0.9, None, 0.1]


def test_judges_see_all_arguments(tmp_path: Path) -> None:
    seen: list[str] = []

    def remember(request: JudgeRequest) -> Reply:
        seen.append(request.text)
        return verdict()

    arguments: dict[str, Any] = {
        "ground_truths": ["the reference"],
        "student_plans": [{"steps": ["the plan"]}],
        "teacher_traces": ["the guidance"],
        "student_traces": ["the trace"],
        "baseline_solutions": ["not shown"],
        "constitution_principles": "the principles",
        "cached_anything": [1],
        "trainer_state": object(),
    }
    with reward(tmp_path, remember) as rim:
        rim(
            [[{"role": "user", "content": "the prompt"}]],
            [[{"role": "assistant", "content": "the answer"}]],
            **arguments,
        )
    everything = "\n".join(seen)
    for part in ("reference", "plan", "guidance", "trace", "principles", "prompt", "answer"):
        assert f"the {part}" in everything
    assert "not shown" not in everything


def test_an_argument_of_another_length_is_a_mistake(tmp_path: Path) -> None:
    with (
        reward(tmp_path, example) as rim,
        pytest.raises(ValueError, match="ground_truths has 1 entries for 2 completions"),
    ):
        rim(["a", "b"], ["c", "d"], ground_truths=["e"])


def test_one_text_for_a_batch_is_a_mistake_even_where_its_length_fits(tmp_path: Path) -> None:
    with reward(tmp_path, example) as rim, pytest.raises(ValueError, match="ground_truths is one text; give a list"):
        rim(["a", "b"], ["c", "d"], ground_truths="42")


def test_an_argument_that_is_none_is_as_good_as_none(tmp_path: Path) -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("ground_truths", "baseline_solutions", "student_plans", "teacher_traces", "student_traces"), None
    )
    with reward(tmp_path, by_answer, judges=["accuracy"]) as rim:
        assert rim(["6*7?"] * 2, ["42", "41"], constitution_principles=None, **nothing) == [0.9, 0.1]
        assert rim.evaluate("6*7?", "42", ground_truths=None).score == 0.9


def test_a_configuration_of_atlas_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"small_model": "openai/small", "large_model": "openai/large"}
    (tmp_path / "rim.yaml").write_text(yaml.safe_dump({"rim": {"models": models}}))
    with ScriptedJudge(example) as judge:
        monkeypatch.setenv("OPENAI_BASE_URL", judge.base_url)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        rim = RIMReward(student_model="s", teacher_model="t", tokenizer="k", config_path=tmp_path / "rim.yaml")
        assert rim(["6*7?"], ["42"]) == [pytest.approx(0.2)]
        rim.close()
    assert (rim.__name__, rim.student_model, rim.teacher_model, rim.tokenizer) == ("RIMReward", "s", "t", "k")


def test_both_import_paths_of_atlas_lead_to_the_same_classes() -> None:
    assert (RIM.RIMReward, RIM.RIMEvaluation) == (RIMReward, RIMEvaluation)
