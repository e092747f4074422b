"""The page report.html: complete, self-contained, and safe whatever a trace or a model wrote."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support.trainer.measured import (
    START,
    make_address,
    make_dataset,
    make_model,
    make_result,
    make_run,
    make_sample,
    trl_log,
)
from support.trainer.report_page import drawn

from atlas_api.errors import NothingMatched
from atlas_api.training.status import CheckpointsStatus, LocalStatus
from atlas_trainer.evaluation.measurement import EvaluationResult
from atlas_trainer.reporting.html.page import render_report
from atlas_trainer.reporting.status import (
    progress_at,
    status_after_dataset,
    status_after_failure,
    status_after_save,
    status_after_start,
    status_after_step,
    status_after_success,
)

VOID = {"meta", "link", "img", "br", "hr", "input", "line", "circle", "path", "rect"}


class Page(HTMLParser):
    """A parsed page: its tags, attributes and texts. Fails on tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        """Everything a reader can read, white space collapsed."""
        return " ".join(" ".join(self.texts).split())


def finished(folder: Path, **spec: Any) -> LocalStatus:
    status = status_after_start(None, make_run(folder, **spec), START)
    status = status_after_dataset(status, make_dataset(reviewStatus=31, noAnswer=1200))
    status = status_after_step(status, progress_at(4, 4, 0, START), trl_log(4))
    status = status_after_save(status, CheckpointsStatus(latest=make_address(4, 0.75), best=make_address(2, 0.875)))
    return status_after_success(status, make_model(), START)


def lines(*steps: int, **numbers: float) -> list[dict[str, Any]]:
    return [{"step": step, "time": "", "kind": "train", **trl_log(step, **numbers)} for step in steps]


def report(folder: Path, *results: EvaluationResult, metrics: Any = None, **spec: Any) -> str:
    """The page of a finished run of four steps."""
    run = make_run(folder, **spec)
    return render_report(run, finished(folder, **spec), metrics or lines(1, 2, 3, 4), results, START)


def before_and_after(before: str, after: str, **fields: Any) -> tuple[EvaluationResult, EvaluationResult]:
    return (
        make_result(0, make_sample(1, before, 0.0, **fields), success=0.2, tokens=14.0),
        make_result(4, make_sample(1, after, 1.0, **fields), success=0.95, tokens=7.0),
    )


def test_the_outcome_comes_first(tmp_path: Path) -> None:
    page = Page(report(tmp_path, *before_and_after("7", "2")))
    assert "Solves 95 % of held-out tasks, up from 20 %." in page.text
    for part in ("20 %", "95 %", "+75 points", "14.0", "7.0", "-50 %"):
        assert part in page.text


def test_a_result_that_got_worse_is_not_dressed_up(tmp_path: Path) -> None:
    results = make_result(0, success=0.6), make_result(4, success=0.4)
    assert "Solves 40 % of held-out tasks, down from 60 %." in Page(report(tmp_path, *results)).text


def test_targets_are_met_or_missed(tmp_path: Path) -> None:
    targets = {"targets": {"successDelta": 0.3, "tokenReduction": 0.6}}
    text = Page(report(tmp_path, *before_and_after("7", "2"), evaluation=targets)).text
    assert "Target +30 points: met" in text
    assert "Target 60 % fewer: missed" in text


def test_charts_have_titles_units_and_labelled_axes(tmp_path: Path) -> None:
    page = Page(report(tmp_path, *before_and_after("7", "2"), metrics=lines(1, 2, 3, 4, kl=0.01)))
    for title, unit in [
        ("Held-out success", "share of tasks"),
        ("Reward", "0 to 1"),
        ("Completion length", "mean tokens"),
        ("Truncated completions", "share of completions"),
        ("Loss", "policy loss, no unit"),
        ("KL divergence", "nats per token"),
        ("Entropy", "nats per token"),
    ]:
        assert f"{title} {unit}" in page.text
    drawn = page.tags.count("figure")
    assert page.text.count("optimizer step") == drawn
    assert sum(name == "aria-label" and tag == "svg" for tag, name, _ in page.attributes) == drawn


def test_what_was_not_logged_gets_no_chart(tmp_path: Path) -> None:
    assert "KL divergence" not in Page(report(tmp_path, *before_and_after("7", "2"))).text


def test_each_verifier_of_several_has_a_line(tmp_path: Path) -> None:
    verifiers = [{"name": "close", "referenceSimilarity": {}}, {"name": "brief", "length": {"target": 9, "limit": 99}}]
    metrics = lines(1, 2, **{"rewards/brief": 0.125})
    text = Page(report(tmp_path, metrics=metrics, reward={"verifiers": verifiers})).text
    assert "close 0.40" in text
    assert "brief 0.12" in text


def test_each_judge_has_a_line_though_only_the_service_knows_them(tmp_path: Path) -> None:
    judged = {"reward": {"serviceRef": {"name": "judges"}, "verifiers": [{"name": "close", "referenceSimilarity": {}}]}}
    metrics = lines(1, 2, 3, **{"rewards/accuracy": 0.7, "rewards/politeness": 0.9, "rewards/judges/mean": 0.5})
    series = drawn(report(tmp_path, *before_and_after("7", "2"), metrics=metrics, **judged), "Reward")
    assert set(series) == {"reward", "held out", "accuracy", "close", "politeness"}
    assert all(series.values())


def test_a_single_judge_has_a_line_beside_the_reward(tmp_path: Path) -> None:
    metrics = [{"step": step, "kind": "train", "reward": 0.2, "rewards/accuracy": 0.7} for step in (1, 2)]
    html = report(tmp_path, metrics=metrics, reward={"serviceRef": {"name": "judges"}})
    assert set(drawn(html, "Reward")) == {"reward", "accuracy"}


def test_a_single_verifier_is_the_reward_and_is_not_drawn_twice(tmp_path: Path) -> None:
    assert "close" not in drawn(report(tmp_path, *before_and_after("7", "2")), "Reward")


def judged_by(*revisions: str) -> list[dict[str, Any]]:
    return [{**line, "reward_revisions": [one]} for line, one in zip(lines(1, 2, 3, 4), revisions, strict=False)]


def test_the_judges_are_named_with_their_revision(tmp_path: Path) -> None:
    text = Page(report(tmp_path, metrics=judged_by("aaa", "aaa"), reward={"serviceRef": {"name": "rewards"}})).text
    assert "judges of rewards (weight 1)" in text
    assert "Revision of the judges aaa" in text
    assert "cannot be compared" not in text


def test_judges_that_changed_during_the_run_are_warned_of(tmp_path: Path) -> None:
    text = Page(report(tmp_path, metrics=judged_by("aaa", "aaa", "bbb"))).text
    assert "changed during the run: revision aaa since step 1, bbb since step 3. Their scores cannot be" in text
    assert "Revision of the judges aaa, bbb" in text


def test_a_loss_that_was_not_finite_is_a_gap(tmp_path: Path) -> None:
    metrics = lines(1, 2, 3)
    metrics[1]["loss"] = None
    assert "latest -0.01" in Page(report(tmp_path, metrics=metrics)).text


def test_the_dataset_is_counted_with_what_was_left_out_and_why(tmp_path: Path) -> None:
    text = Page(report(tmp_path)).text
    assert "noAnswer 1,200 reviewStatus 31" in text
    assert "160 sessions" in text


def test_the_page_says_how_rows_were_held_out(tmp_path: Path) -> None:
    assert "38 of 160 rows, by task: all rows of near-identical tasks are on one side." in Page(report(tmp_path)).text


def test_recipe_checkpoints_and_loading_are_there(tmp_path: Path) -> None:
    text = Page(report(tmp_path, model={"source": "org/base", "lora": {"rank": 8}})).text
    for part in ("org/base", "LoRA, rank 8", "0.001, constant", "4 steps", "Seed 0", "checkpoint-000004"):
        assert part in text
    assert 'AutoPeftModelForCausalLM.from_pretrained("/models/agents/demo/run-0001/final")' in text


def test_the_recipe_says_where_answers_are_read_from(tmp_path: Path) -> None:
    verifiers = [{"name": "close", "referenceSimilarity": {}}]
    reward = {"verifiers": verifiers, "answer": {"from": "jsonPath", "path": "answers.0"}}
    assert "close (referenceSimilarity); answers read from answers.0" in Page(report(tmp_path, reward=reward)).text
    assert "answers read" not in Page(report(tmp_path, reward={"verifiers": verifiers})).text


def test_the_same_task_stands_with_both_answers(tmp_path: Path) -> None:
    text = Page(report(tmp_path, *before_and_after("I think 7", "it is 2", tokens=5))).text
    assert "What is 1 plus 1? Reference: 2" in text
    assert "reward 0.00 5 tokens I think 7" in text
    assert "reward 1.00 5 tokens it is 2" in text


def test_an_answer_of_nothing_to_see_says_so(tmp_path: Path) -> None:
    text = Page(report(tmp_path, *before_and_after("\n" * 16, "", tokens=5))).text
    assert "reward 0.00 5 tokens (white space)" in text
    assert "reward 1.00 5 tokens (empty)" in text


HOSTILE = (
    "<script>document.title = 'owned'</script>",
    "</script></style></svg></title><img src=x onerror=alert(1)>",
    "\"' onmouseover='alert(1)' x=\"",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;",
    "<!-- open",
    "]]> \x00\x1b[31m\u202etxt.exe",
    "\ud800 lone surrogate",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_shown_as_text_wherever_it_stands(tmp_path: Path, text: str) -> None:
    harmless = Page(report(tmp_path, *before_and_after("a", "b", task="t", reference="r")))
    prompt = ({"role": "system", "content": text}, {"role": text, "content": "t"})
    page = Page(report(tmp_path, *before_and_after(text, text, task=text, reference=text, prompt=prompt)))
    extra = {"details", "summary", "span", "div"}
    assert [tag for tag in page.tags if tag not in extra] == [tag for tag in harmless.tags if tag not in extra]
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_a_script_in_a_completion_can_be_read_and_does_not_run(tmp_path: Path) -> None:
    page = Page(report(tmp_path, *before_and_after(HOSTILE[0], "2")))
    assert HOSTILE[0] in page.text
    assert "script" not in page.tags


def test_a_hostile_error_message_is_shown_as_text(tmp_path: Path) -> None:
    status = status_after_failure(finished(tmp_path), NothingMatched(HOSTILE[1]), False, START)
    page = Page(render_report(make_run(tmp_path), status, [], [], START))
    assert "img" not in page.tags
    assert HOSTILE[1] in page.text


def test_the_page_can_be_written_as_utf_8_whatever_a_model_said(tmp_path: Path) -> None:
    assert report(tmp_path, *before_and_after(HOSTILE[-1], "2")).encode()


def test_the_page_asks_nothing_of_the_network(tmp_path: Path) -> None:
    page = Page(report(tmp_path, *before_and_after("http://evil.example/x.png", "2")))
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a"} & set(page.tags)
    assert not [
        value
        for _, name, value in page.attributes
        if name in ("src", "href", "srcset", "action", "style") and ":" in value and "width" not in value
    ]
    policy = [value for _, name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    style = report(tmp_path).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_long_texts_are_cut_with_a_note(tmp_path: Path) -> None:
    html = report(tmp_path, *before_and_after("ab" * 3000, "2"))
    assert "Cut here: 4,000 more characters." in Page(html).text
    assert "ab" * 1000 in html
    assert "ab" * 1001 not in html


def test_the_page_stays_bounded_however_much_was_answered(tmp_path: Path) -> None:
    huge = [make_sample(n, "x" * 50_000, 0.0, task="t" * 50_000, reference="r" * 50_000) for n in range(300)]
    metrics = lines(*range(1, 5001))
    html = report(tmp_path, make_result(0, *huge), make_result(4, *huge), metrics=metrics)
    assert "24 of 300 are shown" in Page(html).text
    assert len(html) < 2_000_000


def test_a_run_that_failed_before_anything_was_known_has_a_page(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    error = NothingMatched("no session passed the filter; widen spec.traces.filter")
    status = status_after_failure(status_after_start(None, run, START), error, False, START)
    page = Page(render_report(run, status, [], [], START))
    assert "Failed" in page.text
    assert "NothingMatched: no session passed the filter; widen spec.traces.filter" in page.text
    assert "from_pretrained" not in page.text


def test_a_page_in_the_middle_of_a_run_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    status = status_after_step(status_after_start(None, run, START), progress_at(1, 4, 90, START), trl_log(1))
    text = Page(render_report(run, status, lines(1), [make_result(0, success=0.2)], START)).text
    assert "Step 1 of 4, 25 %." in text
    assert "about 1m 30s" in text
    assert "The starting model solves 20 % of held-out tasks." in text


def test_the_model_of_an_earlier_run_is_not_passed_off_as_this_one(tmp_path: Path) -> None:
    second = make_run(tmp_path, number=2)
    status = status_after_start(finished(tmp_path), second, START)
    assert "from_pretrained" not in Page(render_report(second, status, [], [], START)).text
