"""The report of the reward benchmark: every figure in words, plots that any viewer can draw."""

import re
from xml.etree import ElementTree

from support.rewardservice.served import service_manifest

from atlas_api import parse
from atlas_api.rewardservice.spec import RewardService
from atlas_api.scoring import ItemResult, JudgeResult
from atlas_core.report.bench_plots import plots
from atlas_core.report.bench_report import markdown
from atlas_core.report.bench_result import Bench, BenchRow
from atlas_rewards.bench.judge_subsets import judge_subsets, subset_result
from atlas_rewards.bench.score_statistics import summarise
from atlas_rewards.llm.cache import CacheStatistics
from atlas_rewards.llm.client import LLMStatistics

SPEC = parse(
    RewardService,
    service_manifest(
        "http://127.0.0.1:9/v1", judges=[{"name": name, "rubric": name} for name in ("accuracy", "process")]
    ),
).spec
ASKED = LLMStatistics((), CacheStatistics(0, 3, 5), 2)


def heard(accuracy: float | None, process: float | None) -> ItemResult:
    said = {"accuracy": accuracy, "process": process}
    judges = [
        JudgeResult(name, score, causes=("timeout",) if score is None else (), seconds=1.5)
        for name, score in said.items()
    ]
    return ItemResult(None, tuple(judges))


def bench(*results: ItemResult, rewards: tuple[float | None, ...]) -> Bench:
    combinations = judge_subsets(SPEC)
    by_name = {one.name: [subset_result(SPEC, result, one) for result in results] for one in combinations}
    rows = [BenchRow(one, summarise(by_name[one.name], rewards)) for one in combinations]
    return Bench(rows, by_name, rewards, ASKED, "0123456789abcdef", 7, {"noAnswer": 2})


GOOD = bench(heard(0.2, 0.2), heard(1.0, 0.9), heard(0.5, None), rewards=(0.2, 1.0, None))
NOTHING = bench(heard(None, None), rewards=(None,))


def cells(text: str, name: str) -> list[str]:
    (row,) = [line for line in text.split("## ", maxsplit=1)[0].splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_each_combination_has_a_line_with_its_figures() -> None:
    assert cells(markdown(GOOD), "accuracy") == [
        "accuracy", "0.57", "0.33", "-", "0 %", "100 %", "100 %", "1.00", "1.5 s", "1.5 s", "0",
    ]  # fmt: skip


def test_unknown_is_a_dash_and_a_missing_score_has_its_cause() -> None:
    text = markdown(NOTHING)
    assert cells(text, "all together")[1:3] == ["-", "-"]
    assert "| all together | timeout | 1 |" in text


def test_what_was_left_out_and_how_to_repeat_it_is_said() -> None:
    text = markdown(GOOD)
    assert "3 sessions, 2 of them with a score and a recorded reward (2 different ones)" in text
    assert "seed 7. Left out: noAnswer 2." in text
    assert "3 questions had a remembered answer, 2 shared the answer to the same one." in text


def test_every_plot_of_the_report_is_there() -> None:
    assert re.findall(r"\]\((.+?\.svg)\)", markdown(GOOD)) == list(plots(GOOD))


def test_plots_are_well_formed_and_lie_inside_their_frame() -> None:
    for told in (GOOD, NOTHING):
        for svg in plots(told).values():
            root = ElementTree.fromstring(svg)
            width, height = float(root.attrib["width"]), float(root.attrib["height"])
            for mark in root.iter("{http://www.w3.org/2000/svg}circle"):
                assert 0 <= float(mark.attrib["cx"]) <= width
                assert 0 <= float(mark.attrib["cy"]) <= height


def test_a_bubble_says_how_many_items_lie_there() -> None:
    assert "recorded 1.00, score 0.96: 1" in plots(GOOD)["agreement.svg"]
