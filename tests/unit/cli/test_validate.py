"""`atlas-core validate`: a line for each problem, the file first; every example of the repository is good."""

import os
import subprocess
import sys
from contextlib import chdir
from io import StringIO
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from support.trainer.trainings import training_document, write_manifest

from atlas_core.commands.validate import validate

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))


def run_validate(*files: Path, importing: bool = False) -> tuple[int, list[str]]:
    output = StringIO()
    code = validate(files, Console(file=output, width=40), importing=importing)
    return code, output.getvalue().splitlines()


def verifier(**kind: object) -> dict[str, object]:
    return {"verifiers": [{"name": "answer", **kind}]}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_good(example: Path) -> None:
    assert run_validate(example) == (0, [f"{example}: ok"])


@pytest.mark.parametrize(
    "example", [path for path in EXAMPLES if "kind: AtlasTraining" in path.read_text()], ids=lambda path: path.name
)
def test_every_example_says_from_which_reward_on_an_answer_is_learnt_from(example: Path) -> None:
    traces = yaml.safe_load(example.read_text())["spec"]["traces"]
    assert {traces.get("filter", {}).get("minReward"), traces.get("reference", {}).get("minReward")} - {None} == {0.8}


def test_there_are_examples() -> None:
    assert EXAMPLES


def test_each_problem_is_one_line_with_the_file_first(tmp_path: Path) -> None:
    file = write_manifest(tmp_path, grpo={"groupSize": 1, "topp": 1})
    code, lines = run_validate(file)
    assert code == 2
    assert lines == [
        f"{file}: spec.grpo.groupSize: 1 must be at least 2. Completions sampled for each prompt."
        " Advantages are centred inside the group.",
        f'{file}: spec.grpo.topp: unknown field; did you mean "topP"?',
    ]


def test_what_only_the_verifiers_can_know_is_checked_too(tmp_path: Path) -> None:
    file = write_manifest(tmp_path, reward=verifier(regex={"pattern": "("}))
    code, lines = run_validate(file)
    assert code == 2
    assert lines[0].startswith(f"{file}: spec.reward.verifiers[0].regex.pattern: ")


def test_a_reward_service_is_checked_as_one(tmp_path: Path) -> None:
    good = yaml.safe_load((ROOT / "examples" / "rewardservice.yaml").read_text())
    file = tmp_path / "rewardservice.yaml"
    file.write_text(yaml.safe_dump(good | {"spec": good["spec"] | {"quorum": 9, "judge": 1}}))
    code, lines = run_validate(file)
    assert code == 2
    assert [line.split(": ")[1] for line in lines] == ["spec.judge", "spec"]
    file.write_text(yaml.safe_dump(good | {"spec": good["spec"] | verifier(regex={"pattern": "("}) | {"weights": {}}}))
    _, (line,) = run_validate(file)
    assert line.startswith(f"{file}: spec.verifiers[0].regex.pattern: ")


def test_one_bad_file_among_good_ones_is_enough(tmp_path: Path) -> None:
    good, bad = write_manifest(tmp_path), tmp_path / "bad.yaml"
    bad.write_text("a: [1")
    code, lines = run_validate(good, bad, tmp_path / "absent.yaml")
    assert code == 2
    assert lines == [
        f"{good}: ok",
        f"{bad}: line 1, column 6: not valid YAML: expected ',' or ']', but got '<stream end>'",
        f"{tmp_path / 'absent.yaml'}: no such file",
    ]


def test_square_brackets_are_not_taken_for_markup(tmp_path: Path) -> None:
    file = write_manifest(tmp_path, traces={"file": {"path": "x"}, "filter": {"status": "[red]"}})
    _, lines = run_validate(file)
    assert '"[red]" is not a list; put it in [ ]' in lines[0]


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from pathlib import Path; from rich.console import Console;"
        "from atlas_core.commands.validate import validate;"
        f"assert validate([Path({str(EXAMPLES[0])!r})], Console()) == 0; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_address_of_a_service_that_is_none_is_told(tmp_path: Path) -> None:
    file = write_manifest(tmp_path, reward={"serviceRef": {"url": "http://rewards:abc"}})
    assert run_validate(file) == (
        2,
        [
            f"{file}: spec.reward.serviceRef.url: names no host, or a port that does not exist;"
            " write it like http://localhost:8080"
        ],
    )


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("Deployment", 'kind: "Deployment" is not "AtlasTraining" or "RewardService"'),
        ("atlastraining", 'kind: "atlastraining" is not "AtlasTraining"'),
        ("AtlasTrainings", 'kind: "AtlasTrainings" is not "AtlasTraining"'),
        (["AtlasTraining"], """kind: ["AtlasTraining"] is not "AtlasTraining\""""),
        (None, "kind: is required. Kind of the object, `AtlasTraining`."),
    ],
)
def test_another_kind_is_told_by_the_kinds_that_there_are(tmp_path: Path, kind: object, problem: str) -> None:
    file = tmp_path / "manifest.yaml"
    file.write_text(yaml.safe_dump(training_document(tmp_path) | {"kind": kind}))
    assert run_validate(file) == (2, [f"{file}: {problem}"])


@pytest.mark.parametrize("spec", [{}, {"reward": verifier(python={"entryPoint": "writes:f"})}])
def test_validate_runs_no_code_of_the_user(tmp_path: Path, spec: dict[str, object]) -> None:
    (tmp_path / "writes.py").write_text("open('ran', 'w')\ndef f(item): return 1.0\n")
    file = write_manifest(tmp_path, **spec)
    with chdir(tmp_path):
        assert run_validate(file) == (0, [f"{file}: ok"])
    assert not (tmp_path / "ran").exists()


def test_with_import_it_is_run_and_its_mistakes_are_told(tmp_path: Path) -> None:
    (tmp_path / "fails_to_load.py").write_text("f = 1 / 0\n")
    file = write_manifest(tmp_path, reward=verifier(python={"entryPoint": "fails_to_load:f"}))
    with chdir(tmp_path):
        assert run_validate(file) == (0, [f"{file}: ok"])
        assert run_validate(file, importing=True) == (
            2,
            [
                f"{file}: spec.reward.verifiers[0].python.entryPoint:"
                " importing fails_to_load failed: ZeroDivisionError: division by zero"
            ],
        )


def test_what_stays_in_doubt_is_a_note_and_no_refusal(tmp_path: Path) -> None:
    (tmp_path / "starry.py").write_text("from math import *\n")
    file = write_manifest(tmp_path, reward=verifier(python={"entryPoint": "starry:sqrt"}))
    with chdir(tmp_path):
        code, (note, ok) = run_validate(file)
    assert (code, ok) == (0, f"{file}: ok")
    assert note.startswith(f"{file}: note: spec.reward.verifiers[0].python.entryPoint: ")
    assert note.endswith("; `atlas-core validate --import` looks deeper, and runs it")


def test_the_verifiers_of_a_service_in_a_file_are_looked_at_too(tmp_path: Path) -> None:
    good = yaml.safe_load((ROOT / "examples" / "rewardservice.yaml").read_text())
    wrong = verifier(python={"entryPoint": "no_such_module:f"}) | {"weights": {}}
    (tmp_path / "judges.yaml").write_text(yaml.safe_dump(good | {"spec": good["spec"] | wrong}))
    file = write_manifest(tmp_path, reward={"serviceRef": {"file": str(tmp_path / "judges.yaml")}})
    _, (line,) = run_validate(file)
    assert line.startswith(
        f"{file}: spec.reward.serviceRef.file: spec.verifiers[0].python.entryPoint: there is no module no_such_module"
    )


def test_arguments_of_trl_are_checked_without_trl(tmp_path: Path) -> None:
    file = write_manifest(tmp_path, trainerArgs={"top_kk": 5, "learning_rate": 1})
    assert run_validate(file) == (
        2,
        [
            f"{file}: spec.trainerArgs.learning_rate: other fields of the spec set this;"
            " use spec.optimization.learningRate",
            f'{file}: spec.trainerArgs.top_kk: TRL\'s GRPOConfig has no such argument; did you mean "top_k"?',
        ],
    )


def test_a_manifest_that_can_be_read_once_is_enough(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, write_manifest(tmp_path).read_bytes())
    os.close(writing)
    file = Path(f"/dev/fd/{reading}")
    assert run_validate(file) == (0, [f"{file}: ok"])
    os.close(reading)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\n b: 2\n", "put text with a colon in quotes, and indent this line like those beside it"),
        ("a:\n   b: 1\n  c: 1\n", "indent this line like those beside it"),
        ("a:\n\tb: 1\n", "indent with spaces"),
    ],
)
def test_wrong_indentation_is_told_in_words_of_the_user(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "manifest.yaml"
    file.write_text(text)
    _, (line,) = run_validate(file)
    assert line.endswith(f"; {problem}")
