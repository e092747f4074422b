"""What is known about a judge follows from its verdicts."""

from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.server.judge_record import IN_A_ROW, JudgeRecord, JudgeRecords


def verdict(seconds: float = 1.0) -> JudgeResult:
    return JudgeResult("accuracy", 0.5, seconds=seconds)


NONE = JudgeResult("accuracy", None, reason="no sample of 3 can be used: …", causes=("timeout", "unreadable"))


def record_of(*results: JudgeResult) -> JudgeRecord:
    record = JudgeRecord("accuracy")
    for result in results:
        record.record(result)
    return record


def test_nothing_is_known_before_the_first_verdict() -> None:
    report = record_of().report()
    assert (report.state, report.p50_ms, report.p99_ms, report.error_rate) == ("Unknown", None, None, None)


def test_latencies_are_of_verdicts_and_errors_of_all() -> None:
    report = record_of(*(verdict(second / 100) for second in range(1, 100)), NONE).report()
    assert (report.p50_ms, report.p99_ms, report.error_rate, report.questions) == (500, 990, 0.01, 100)


def test_it_fails_when_many_in_a_row_are_missing_and_says_why() -> None:
    assert record_of(verdict(), *[NONE] * (IN_A_ROW - 1)).state == "Answering"
    failing = record_of(verdict(), *[NONE] * IN_A_ROW).report()
    assert (failing.state, failing.reason) == ("Failing", "timeout")


def test_one_verdict_makes_it_answer_again() -> None:
    report = record_of(*[NONE] * IN_A_ROW, verdict()).report()
    assert (report.state, report.reason) == ("Answering", None)


def test_a_group_too_large_to_compare_says_nothing_about_the_judge() -> None:
    oversized = [JudgeResult("accuracy", None, reason="65 are too many", causes=("tooMany",))] * 65
    assert record_of(*oversized).report() == record_of().report()
    report = record_of(verdict(), *oversized).report()
    assert (report.state, report.error_rate, report.questions) == ("Answering", 0.0, 1)
    assert record_of(*[NONE] * IN_A_ROW, *oversized).state == "Failing"


def test_the_probe_alone_decides_at_once_and_counts_in_no_figure() -> None:
    record = JudgeRecord("accuracy")
    states = []
    for result in (NONE, verdict()):
        record.record_probe(result)
        states.append(record.state)
    assert states == ["Failing", "Answering"]
    assert record.report().error_rate is None


def test_judges_are_listed_as_configured() -> None:
    records = JudgeRecords(["process", "accuracy"])
    records.record([ItemResult(None, (verdict(),))])
    assert [(one.name, one.state) for one in records.reports()] == [("process", "Unknown"), ("accuracy", "Answering")]
