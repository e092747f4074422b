"""Every docstring begins with a sentence that stands alone: who hovers over a name sees nothing else."""

from pathlib import Path

import pytest
from support.docstrings import docstrings, fault, first_sentence

ROOT = Path(__file__).parents[2]
PACKAGES = ("benchmarks", "cli", "crds", "examples", "operator", "rewards", "trainer")


def faults(package: str) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line}: {first_sentence(text)} [{why}]"
        for file in sorted((ROOT / package).rglob("*.py"))
        for line, text in sorted(docstrings(file.read_text(encoding="utf-8")))
        if (why := fault(text))
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_docstring_begins_with_a_sentence_that_stands_alone(package: str) -> None:
    assert not (found := faults(package)), "\n".join(found)


@pytest.mark.parametrize(
    ("sentence", "cure"),
    [
        ("Of one process.", "noun or verb"),
        ("As whom the pods report.", "noun or verb"),
        ("From being taken to being answered.", "noun or verb"),
        ("In one line, which may quote the model.", "noun or verb"),
        ("The same, whatever the minute has room for.", "the thing itself"),
        ("The same for callers without an event loop.", "the thing itself"),
        ("It gave a verdict about an item, or did not.", "name the thing"),
        ("Its judges, which stay open inside.", "name the thing"),
        ("Those of the newest spec.", "name the thing"),
        ("Why it was asked.", "name the thing"),
        ("How it ended.", "name the thing"),
        ("Why, in one CamelCase word.", "asked about"),
        ("Made once and never changed.", "name the thing"),
        ("Told how many of how many tasks are answered.", "name the thing"),
        ("0 to 1, after all rules.", "what has this value"),
        ("None when nothing moved.", "what has this value"),
        ("Bytes. Every change of a status goes to everybody who watches.", "in which unit"),
        ("One word.", "in which unit"),
    ],
)
def test_a_sentence_without_a_subject_of_its_own_is_refused_with_the_cure(sentence: str, cure: str) -> None:
    assert cure in (fault(sentence) or "")


@pytest.mark.parametrize(
    "sentence",
    [
        "State of one process.",
        "The ServiceAccount that the pods report as.",
        "At most 32 requests run at the same time.",
        "Seed of sampling, shuffling and initialisation.",
        "Recorded sessions, oldest first.",
        "Left edge and width of a strip.",
        "Set exactly one of `value`, `secretKeyRef`.",
        "Why the attempt was asked to stop.",
        "When `status` last changed.",
        "Where checkpoints go and how many are kept.",
        "Whether a pod may still write.",
        "16 hex digits over what pods read.",
        "Is the completion the reference?",
        "Close all connections.",
        "*text* on one line of at most *limit* characters.",
    ],
)
def test_a_sentence_with_a_subject_or_an_object_of_its_own_is_accepted(sentence: str) -> None:
    assert fault(sentence) is None


def test_only_the_first_sentence_counts_and_it_may_span_lines() -> None:
    assert fault("Pause between\ntwo patches. The last one does not wait.") is None
    assert first_sentence("Pause between\ntwo patches. The last one does not wait.") == "Pause between two patches."


def test_docstrings_of_modules_classes_functions_and_attributes_are_found() -> None:
    source = """
'module'
A = 1
'attribute'
class C:
    'class'
    def f(self):
        'function'
        self.x = 'no docstring'
        'attribute of an instance'
"""
    found = [(2, "module"), (4, "attribute"), (6, "class"), (8, "function"), (10, "attribute of an instance")]
    assert sorted(docstrings(source)) == found
