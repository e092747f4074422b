"""YAML is read the way kubectl reads it, and its mistakes are found with line and column."""

import tracemalloc
from typing import Any

import pytest

from atlas_api import InvalidManifest
from atlas_api.manifest.yaml_document import read_documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("2026-10-01", "2026-10-01", id="dates stay text"),
        pytest.param("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z", id="times stay text"),
        pytest.param("10:30", "10:30", id="times of day stay text"),
        pytest.param("1e-5", 1e-5, id="scientific without a point is a number"),
        pytest.param("1.0e-5", 1e-5, id="scientific with a point is a number"),
        pytest.param("-1E+3", -1000.0, id="negative scientific is a number"),
        pytest.param(".5", 0.5, id="no leading 0"),
        pytest.param("12", 12, id="whole number"),
        pytest.param("0o17", 15, id="octal"),
        pytest.param("1_000", 1000, id="underscores"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("09", 9.0, id="no octal number, yet a number"),
        pytest.param("y", True, id="one letter for yes"),
        pytest.param("N", False, id="one letter for no"),
        pytest.param("=", "=", id="an equals sign is text"),
        pytest.param('"12"', "12", id="quoted number is text"),
        pytest.param("v1.2.3", "v1.2.3", id="version is text"),
        pytest.param("e5", "e5", id="a name that looks scientific is text"),
        pytest.param("true", True, id="boolean"),
        pytest.param("~", None, id="null"),
    ],
)
def test_a_value_is_read_as(text: str, value: Any) -> None:
    (document,) = read_documents(f"key: {text}")
    assert document == {"key": value}
    assert type(document["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a: [1", "line 1, column 6: not valid YAML: expected", id="a bracket is left open"),
        pytest.param("a:\n  b: c: d", "line 2, column 7: not valid YAML: mapping values", id="two colons"),
        pytest.param("a:\n\tb: 1", "line 2, column 1: not valid YAML", id="tab"),
        pytest.param("a: 1\nb: 2\na: 3", 'line 3, column 1: not valid YAML: the key "a" is given twice', id="twice"),
        pytest.param("x:\n  a: 1\n  a: 2", 'line 3, column 3: not valid YAML: the key "a"', id="twice, further in"),
        pytest.param("a: *b", "line 1, column 4: not valid YAML: found undefined alias", id="unknown alias"),
        pytest.param("a: b\nc: \x07", "line 2, column 4: not valid YAML: the character U+0007", id="control character"),
        pytest.param("? [1]\n: 2", "line 1, column 3: not valid YAML: a key must be text", id="key is a list"),
        pytest.param("a: !!python/name:os.system", "line 1, column 4: not valid YAML: could not", id="foreign tag"),
        pytest.param("!!binary YQ==: 1", "line 1, column 1: not valid YAML: a key must be text", id="bytes as a key"),
        pytest.param("!!timestamp 2026-10-01: 1", "line 1, column 1: not valid YAML: a key must", id="a time as a key"),
        pytest.param('a: !!int ""', "line 1, column 4: not valid YAML: this is no int", id="no number"),
        pytest.param('a: !!int "-"', "line 1, column 4: not valid YAML: this is no int", id="a sign alone"),
        pytest.param("a: !!float abc", "line 1, column 4: not valid YAML: this is no float", id="no real number"),
        pytest.param("a: !!bool 1", "line 1, column 4: not valid YAML: this is no bool", id="no boolean"),
        pytest.param("a: !!timestamp soon", "line 1, column 4: not valid YAML: this is no timestamp", id="no time"),
        pytest.param("a: !!binary é", "line 1, column 4: not valid YAML", id="no base 64"),
        pytest.param("a: !!map [b]", "line 1, column 4: not valid YAML: this is no mapping", id="list as a mapping"),
        pytest.param("a: !!set [b]", "line 1, column 4: not valid YAML: this is no mapping", id="list as a set"),
        pytest.param("a: !!seq {b: 1}", "line 1, column 4: not valid YAML: expected a seq", id="mapping as a list"),
        pytest.param("a: !!str [b]", "line 1, column 4: not valid YAML: expected a scalar", id="list as text"),
        pytest.param("", "holds no document", id="empty file"),
        pytest.param("# nothing\n---\n", "holds no document", id="comments only"),
        pytest.param("- 1", "a manifest is a mapping", id="list"),
        pytest.param("just words", "a manifest is a mapping", id="text"),
        pytest.param("[" * 5000, "nested too deeply", id="nested beyond all measure"),
        pytest.param("a: " + "[" * 64 + "]" * 64, "nested more than 64 levels deep", id="nested too deeply"),
        pytest.param("a: 0x" + "f" * 5000, "line 1, column 4: not valid YAML: a number has too many digits", id="0x"),
        pytest.param("a: 1" + "0" * 5000, "line 1, column 4: not valid YAML: a number has too many", id="digits"),
        pytest.param(
            "? 0b" + "1" * 5000 + "\n: a", "line 1, column 3: not valid YAML: a number has", id="digits in a key"
        ),
        pytest.param("a: &a {b: *a}", "line 1, column 4: not valid YAML: an alias stands within", id="holds itself"),
        pytest.param("&a {b: [1, *a]}", "line 1, column 1: not valid YAML: an alias stands", id="all of it in itself"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        read_documents(text)
    (line,) = refused.value.problems
    assert problem in line
    assert "\n" not in line


def test_a_tab_is_answered_with_its_cure() -> None:
    with pytest.raises(InvalidManifest, match="indent with spaces"):
        read_documents("a:\n\tb: 1")


def test_all_documents_are_read_and_empty_ones_passed_over() -> None:
    assert read_documents("a: 1\n---\n---\nb: 2\n---\n") == [{"a": 1}, {"b": 2}]


def test_merge_keys_work_and_may_be_overridden() -> None:
    (document,) = read_documents("base: &base {x: 1, z: 2}\nmore:\n  <<: *base\n  z: 3")
    assert document["more"] == {"x": 1, "z": 3}


def doubling(times: int, form: str) -> str:
    """Anchors of which each stands for the one before several times."""
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} " + form.format(f"*a{n - 1}") for n in range(1, times + 1)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        doubling(9, "[{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}]"),
        doubling(60, "[{0}, {0}]"),
        doubling(60, "{{x: {0}, y: {0}}}"),
        doubling(60, "{{<<: [{0}, {0}]}}"),
        "a: &a [" + "1, " * 1000 + "1]\nb: [" + "*a, " * 60 + "1]",
        "a: [" + "1, " * 60_000 + "1]",
    ],
)
def test_aliases_count_as_what_they_stand_for(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidManifest, match="more than 50,000 values"):
            read_documents(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * 1024 * 1024


def test_a_long_text_that_aliases_repeat_counts_each_time() -> None:
    with pytest.raises(InvalidManifest, match="more than 1,048,576 characters"):
        read_documents(f"a: &a {'x' * 10_000}\nb: [{'*a, ' * 110}]")


def test_levels_that_aliases_bring_count() -> None:
    chain = "\n".join(f"a{n}: &a{n} [{f'*a{n - 1}' if n else '1'}]" for n in range(70))
    with pytest.raises(InvalidManifest, match="nested more than 64 levels deep"):
        read_documents(chain)


def test_anchors_that_save_typing_work() -> None:
    text = "spec:\n  a: &size {cpu: 4}\n  b: *size\n  c: &name word\n  d: [*name, *name]\n  e: {<<: [*size], x: 1}"
    (document,) = read_documents(text)
    assert document["spec"] == {
        "a": {"cpu": 4},
        "b": {"cpu": 4},
        "c": "word",
        "d": ["word", "word"],
        "e": {"cpu": 4, "x": 1},
    }


def test_each_document_has_a_budget_of_its_own() -> None:
    text = "\n---\n".join(f"a: [{'1, ' * 30_000}]" for _ in range(2))
    assert [len(document["a"]) for document in read_documents(text)] == [30_000, 30_000]
