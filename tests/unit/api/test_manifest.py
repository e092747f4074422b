"""Bad manifests are refused with the path, the value and the cure, all mistakes together."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from support.manifests.api_types import api_types
from support.trainer.trainings import training_document

from atlas_api import AtlasTraining, InvalidManifest, load_manifest, parse, parse_json
from atlas_api.manifest.problems import PATTERNS
from atlas_api.training.spec import Metadata

REMOVED = object()


def document_with(changes: dict[str, Any]) -> dict[str, Any]:
    """A good manifest with values put in by path (`spec.grpo.topP`), or taken out."""
    document = training_document(Path("demo"))
    for path, value in changes.items():
        *way, last = path.split(".")
        node = document
        for part in way:
            node = node.setdefault(part, {})
        if value is REMOVED:
            del node[last]
        else:
            node[last] = value
    return document


def problems_of(changes: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidManifest) as refused:
        parse(AtlasTraining, document_with(changes))
    return refused.value.problems


def verifiers(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": f"v{index}", **entry} for index, entry in enumerate(entries)]


CASES: list[tuple[str, str, Any, str, str]] = [
    ("percent for a share", "spec.traces.split.eval", 10, "10 must be at most 0.9", "for 10 % write 0.1"),
    ("a word for a time", "spec.traces.filter.createdAfter", "yesterday", '"yesterday" is not a time', "2026-10-01T00"),
    ("a date for a time", "spec.traces.filter.createdAfter", "2026-10-01", "is not a time", "2026-10-01T00:00:00Z"),
    ("no zone", "spec.traces.filter.createdAfter", "2026-10-01T00:00:00", "has no time zone", "append Z for UTC"),
    ("a year for a time", "spec.traces.filter.createdAfter", 2026, "2026 is not a time", "RFC 3339"),
    ("a quoted number", "spec.optimization.learningRate", "1e-5", '"1e-5" is not a number', "remove the quotes"),
    ("an id without quotes", "spec.traces.filter", {"sessionIds": [7]}, "7 is not text", "put it in quotes"),
    ("a quoted count", "spec.grpo.groupSize", "8", '"8" is not a whole number', "remove the quotes"),
    ("a unit", "spec.grpo.maxCompletionTokens", "512 tokens", '"512 tokens" is not a whole number', "in tokens"),
    ("half a token", "spec.grpo.maxCompletionTokens", 15.5, "15.5 is not a whole number", "in tokens"),
    ("nothing", "spec.grpo.groupSize", 0, "0 must be at least 2", "sampled for each prompt"),
    ("not above 0", "spec.grpo.temperature", 0, "0 must be above 0", "Sampling temperature"),
    ("not below 1", "spec.optimization.warmupRatio", 1, "1 must be below 1", "Share of the steps"),
    ("a word for a choice", "spec.optimization.schedule", "exp", '"exp" is not', '"constant", "linear" or "cosine"'),
    ("yes in quotes", "spec.evaluation.baseline", "yes", '"yes" is not true or false', "starting model"),
    ("text for a list", "spec.traces.filter.status", "succeeded", '"succeeded" is not a list', "put it in [ ]"),
    ("text for a mapping", "spec.model", "gpt", '"gpt" is not a mapping', "The model that training starts from"),
    ("null for a needed part", "spec.reward", None, "is required", "How completions are scored"),
    ("null in a list", "spec.traces.filter.tags", [None], "null is not text", ""),
    ("a fraction of a CPU as a number", "spec.compute.resources.limits", {"cpu": 0.5}, "0.5 must be an amount", "500m"),
    ("a time without seconds", "spec.traces.filter.createdAfter", "2026-10-01T00:00Z", "is not a time", "T00:00:00Z"),
    ("30 February", "spec.traces.filter.createdAfter", "2026-02-30T00:00:00Z", "is not a time", "RFC 3339"),
    ("a missing part", "spec.grpo", REMOVED, "is required", "Group relative policy optimisation"),
    ("a missing name", "metadata.name", REMOVED, "is required", ""),
    ("an empty list", "spec.model.lora.targets", [], "must not be empty", "Names of the modules"),
    ("a long list", "spec.reward.verifiers", verifiers(*[{"numeric": {}}] * 17), "at most 16 entries", "Checks of a"),
    ("an empty text", "spec.model.source", "", "must not be empty", "Hub id"),
    ("capitals in a name", "metadata.name", "My_Run", '"My_Run" must be', "lower case letters, digits, dashes"),
    ("dots in a namespace", "metadata.namespace", "a.b", '"a.b" must be', "lower case letters, digits and dashes"),
    ("a long name", "metadata.name", "a" * 300, "at most 253 characters", ""),
    ("a number as a label", "metadata.labels.team", 7, "7 is not text", ""),
    ("another kind", "kind", "Deployment", '"Deployment" is not', '"AtlasTraining"'),
    ("an old version", "apiVersion", "v1", '"v1" is not', '"atlas.arc.computer/v1alpha1"'),
    ("infinity", "spec.grpo.klBeta", float("inf"), "inf is not a finite number", ""),
    ("NaN", "spec.optimization.learningRate", float("nan"), "nan is not a finite number", ""),
    ("a null byte", "spec.traces", {"file": {"path": "a\0b"}}, "holds a null byte (\\0), which no", ""),
    ("half a character", "spec.traces", {"file": {"path": "a\ud800"}}, "holds half of a character", ""),
    ("half a character in a key", "spec.trainerArgs", {"a\udfff": 1}, "holds half of a character", ""),
    ("NaN far inside", "spec.trainerArgs.x.y", float("nan"), "nan is not a finite number", ""),
    ("a huge number", "spec.optimization.seed", 10**400, "does not fit in 64 bits", ""),
    ("a set", "spec.traces.filter.tags", {"a"}, "YAML type set has no place", "write text, a number or a list"),
    ("a slip in a field", "spec.grpo.groupsize", 8, "unknown field", 'did you mean "groupSize"?'),
    ("Python's spelling", "spec.grpo.max_completion_tokens", 8, "unknown field", '"maxCompletionTokens"'),
    ("a foreign field", "spec.grpo.zzz", 8, "unknown field", "known: groupSize, temperature"),
    ("a second algorithm", "spec.gkd", {}, "unknown field", "known: model, traces, grpo"),
    ("a secret's field", "spec.traces.filter.password", "x", "unknown field", "known: sessionIds"),
    ("a wrong address", "spec.traces.s3", {"uri": "http://x"}, '"http://x" must be', "s3://bucket/prefix"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "wrong", "cure"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_a_mistake_names_the_path_the_value_and_the_cure(path: str, value: Any, wrong: str, cure: str) -> None:
    found = [problem for problem in problems_of({path: value}) if problem.startswith(path)]
    assert len(found) == 1, found
    (problem,) = found
    assert wrong in problem
    assert cure in problem
    assert "\n" not in problem


def test_a_learning_rate_without_quotes_or_point_is_fine(tmp_path: Path) -> None:
    text = yaml.safe_dump(document_with({"spec.optimization.learningRate": "RATE"})).replace("RATE", "1e-5")
    (tmp_path / "good.yaml").write_text(text)
    assert load_manifest(tmp_path / "good.yaml").spec.optimization.learning_rate == 1e-5


def test_several_mistakes_are_reported_together() -> None:
    problems = problems_of(
        {
            "metadata.name": "A",
            "spec.grpo.groupSize": "8",
            "spec.grpo.topp": 1,
            "spec.optimization": {"maxSteps": 1, "epochs": 1, "maxGradNorm": float("nan")},
            "spec.checkpoints": REMOVED,
        }
    )
    assert [problem.partition(":")[0] for problem in problems] == [
        "spec.optimization.maxGradNorm",
        "metadata.name",
        "spec.grpo.groupSize",
        "spec.grpo.topp",
        "spec.checkpoints",
        "spec.optimization",
    ]


def test_a_mistake_inside_a_list_names_the_index_once() -> None:
    broken = verifiers({"numeric": {}}, {"length": {"target": 5}})
    assert problems_of({"spec.reward.verifiers": broken}) == [
        "spec.reward.verifiers[1].length.limit: is required. Length, in characters, from which the score is 0."
    ]


@pytest.mark.parametrize(
    "place",
    [
        "spec.traces.postgres.urlFrom",
        "spec.traces.postgres.urlFrom.env",
        "spec.traces.postgres.url",
        "spec.traces.postgres",
        "spec.checkpoints.s3.credentialsFrom",
        "spec.model",
        "spec.grpo.groupSize",
        "spec.checkpoints.local.path.extra",
    ],
)
def test_a_password_put_anywhere_is_never_shown(place: str) -> None:
    document = document_with({"spec.checkpoints.local": {"path": {}}})
    *way, last = place.split(".")
    node = document
    for part in way:
        node = node.setdefault(part, {})
    node[last] = "postgresql://atlas:hunter2@db:5432/atlas"
    with pytest.raises(InvalidManifest) as refused:
        parse(AtlasTraining, document)
    assert "hunter2" not in str(refused.value)


def test_a_problem_is_one_line_that_cannot_steer_a_terminal() -> None:
    (problem,) = problems_of({"spec.grpo.loss": "a\x1b[2J\x9b\ud800", "spec.grpo.temperature": 1})
    assert problem.isprintable()
    (problem,) = problems_of({"spec.grpo": {"key\n\x1b[31m": 1}})
    assert problem.startswith(r"spec.grpo.key\n\u001b[31m: unknown field")


def test_a_document_that_holds_itself_is_refused() -> None:
    document = document_with({})
    document["spec"]["trainerArgs"] = document
    with pytest.raises(InvalidManifest, match="holds itself"):
        parse(AtlasTraining, document)


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_value_in_any_place_is_either_taken_or_refused_in_words(value: Any) -> None:
    for path in ("spec", "spec.grpo.groupSize", "spec.reward.weights", "metadata", "spec.traces.filter.createdAfter"):
        try:
            parse(AtlasTraining, document_with({path: value}))
            problems = []
        except InvalidManifest as refused:
            problems = refused.problems
        assert not any("\n" in problem for problem in problems)


def test_what_was_parsed_is_written_and_read_back_the_same() -> None:
    training = parse(AtlasTraining, document_with({"spec.traces.filter.createdAfter": "2026-10-01T02:00:00+02:00"}))
    written = training.model_dump_json(by_alias=True, exclude_none=True)
    assert parse_json(AtlasTraining, written.encode()) == training


@pytest.mark.parametrize(
    ("data", "problem"), [(b"{", "not valid JSON"), (b"[" * 100_000, "not valid JSON"), (b"[]", "[] is not a mapping")]
)
def test_json_that_is_no_object_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        parse_json(AtlasTraining, data)
    assert problem in refused.value.problems[0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"", "holds no document", id="empty file"),
        pytest.param(b"a: 1\n---\nb: 2\n", "holds 2 documents; give each", id="two documents"),
        pytest.param(b"a: \xff\n", "byte 3 is not UTF-8; save the file as UTF-8", id="Latin-1"),
        pytest.param(b"a: [1\n", "line 2, column 1: not valid YAML", id="YAML mistake"),
    ],
)
def test_a_file_that_holds_no_manifest_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    with pytest.raises(InvalidManifest) as refused:
        load_manifest(tmp_path / "bad.yaml")
    (line,) = refused.value.problems
    assert line.startswith(problem)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match="no such file"):
        load_manifest(tmp_path / "absent.yaml")
    with pytest.raises(InvalidManifest, match="is a folder; name a file in it"):
        load_manifest(tmp_path)
    with pytest.raises(InvalidManifest, match="cannot be read: it is a device, not a file"):
        load_manifest(Path("/dev/zero"))


def test_a_file_that_is_no_manifest_by_its_size_is_read_no_further(tmp_path: Path) -> None:
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InvalidManifest, match="longer than 1,048,576 bytes, which no AtlasTraining is; name the file"):
        load_manifest(tmp_path / "model.safetensors")


def test_lists_that_are_far_too_long_are_refused_as_fast_as_others() -> None:
    """Rules compare entries with each other: over ten thousand of them they took hours."""
    (problem, *_) = problems_of({"spec.reward.verifiers": verifiers(*[{"numeric": {}}] * 10_000)})
    assert problem.startswith("spec.reward.verifiers: ")
    assert "must have at most 16 entries" in problem
    text = problems_of({"spec.reward.verifiers": "an address like s3://bucket/prefix", "spec.reward.weights": "a" * 99})
    assert ["put it in [ ]" in text[0], "is not a mapping" in text[1], len(text)] == [True, True, 2]
    labels = problems_of({"spec.compute.labels": {f"a{number}": number for number in range(40)}})
    assert all("is not text" in problem for problem in labels)
    (listed,) = problems_of({"spec.compute.labels": [None] * 40})
    assert "is not a mapping" in listed
    mapping = problems_of({"spec.reward.verifiers": {f"v{number}": number for number in range(300)}})
    assert ["is not a list" in mapping[0], len(mapping)] == [True, 1]
    wrong = problems_of({"spec.reward.verifiers": verifiers(*[{"none": {}}] * 2000), "spec.reward.weights": {}})
    assert len([problem for problem in wrong if "unknown field" in problem]) == 2000


def test_every_pattern_of_the_api_is_known_in_words() -> None:
    models: list[type[BaseModel]] = [*api_types(), Metadata]
    schemas = json.dumps([model.model_json_schema() for model in models]).replace("\\\\", "\\")
    assert {text.split('"')[0] for text in schemas.split('"pattern": "')[1:]} == set(PATTERNS)


@pytest.mark.parametrize("model", list(api_types()), ids=lambda model: model.__name__)
def test_every_type_and_field_is_described(model: type[BaseModel]) -> None:
    assert model.__doc__
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name} has no docstring"
