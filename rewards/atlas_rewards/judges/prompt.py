"""
What a judge is asked: one system message that never holds a word of an item, and one user message with the material.

    case = next(cases(judge, [visible_parts(item) for item in items]))
    question = ask_about(case, temperature=0.2, limit=60_000)
    question.messages       # for the model
    question.names          # candidate names, in the order of case.candidates

The same case gives the same messages, whatever else is in the batch, and in whatever order. Pure.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from atlas_api.rewardservice.judging import Judge
from atlas_rewards.item import Item, conversation
from atlas_rewards.judges.rubric import SHARED, Part, Rubric, rubric_of, rubric_text
from atlas_rewards.safety.untrusted_text import code_for, printable, without_middle

_LEAST_CHARACTERS = 100
"""Characters of a text at least, however many share a request."""

VisibleParts = Mapping[Part, str]
"""The parts of an item that were recorded, fit to be shown."""

Section = tuple[str, str | None]
"""A section of a prompt: a name that judges know, and a text that is fit to be shown. None: nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A completion, with what belongs to it alone."""

    sections: tuple[Section, ...]
    members: tuple[int, ...]
    """Positions of the items that look like this."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a judge decides in one go: one completion, or in group mode all different ones of a prompt."""

    instructions: str
    shared: tuple[Section, ...]
    candidates: tuple[Candidate, ...]

    @property
    def ranks(self) -> bool:
        """Whether completions are compared. One alone has nothing to be compared with."""
        return len(self.candidates) > 1


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is ready to be sent."""

    messages: tuple[dict[str, str], ...]
    names: tuple[str, ...]
    """What the candidates are called in it, in the order of the case."""

    @property
    def material(self) -> str:
        """The user message: what others wrote."""
        return self.messages[1]["content"]


def visible_parts(item: Item) -> VisibleParts:
    """The parts that *item* has, fit to be shown. A blank text is as good as none; only an answer may be empty."""
    texts = {
        Part.PRINCIPLES: item.principles,
        Part.PROMPT: conversation(item.prompt),
        Part.REFERENCE: item.reference,
        Part.PLAN: item.plan,
        Part.GUIDANCE: item.teacher_trace,
        Part.TRACE: item.student_trace,
        Part.BASELINE: item.baseline,
    }
    recorded = {part: text for part, text in texts.items() if text and text.strip()} | {Part.ANSWER: item.completion}
    return {part: printable(text) for part, text in recorded.items()}


def cases(judge: Judge, items: Sequence[VisibleParts]) -> Iterator[Case]:
    """What *judge* has to decide about *items*; items that look the same to it are decided once."""
    rubric = rubric_of(judge)
    groups: dict[tuple[Section, ...], dict[tuple[Section, ...], list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, item in enumerate(items):
        groups[_sections(rubric, item, shared=True)][_sections(rubric, item, shared=False)].append(index)
    for shared, members in groups.items():
        candidates = [Candidate(sections, tuple(indexes)) for sections, indexes in members.items()]
        if judge.mode == "group":
            yield Case(rubric.text, shared, tuple(candidates))
        else:
            yield from (Case(rubric.text, shared, (candidate,)) for candidate in candidates)


def ask_about(case: Case, temperature: float, limit: int, opinions: str | None = None) -> Question:
    """The request about *case*. *limit*: characters of a text. *opinions*: those of the small model, for the large one.

    In a ranking, the order of the candidates depends on their texts and the temperature alone; nothing else depends on
    the temperature.
    """
    order = _shuffled(case, temperature)
    names = {index: f"C{place}" if case.ranks else "" for place, index in enumerate(order, start=1)}
    sections: list[tuple[Section, int]] = [(section, limit) for section in case.shared]
    room = max(_LEAST_CHARACTERS, limit // len(case.candidates))
    for index in order:
        own = case.candidates[index].sections
        sections += [((f"{names[index]} {name}".strip(), text), room) for name, text in own]
    if opinions is not None:
        sections.append((("OPINIONS", printable(opinions)), limit))
    system = _system(case, reviews=opinions is not None)
    messages = ({"role": "system", "content": system}, {"role": "user", "content": _enclosed(sections)})
    return Question(messages, tuple(names[index] for index in range(len(order))))


def _system(case: Case, *, reviews: bool) -> str:
    texts = [rubric_text("protocol/common"), case.instructions]
    texts += [rubric_text("protocol/review")] if reviews else []
    texts.append(rubric_text("protocol/ranking" if case.ranks else "protocol/verdict"))
    return "\n\n".join(texts)


def _enclosed(sections: Sequence[tuple[Section, int]]) -> str:
    code = code_for(text for (_, text), _ in sections if text is not None)
    blocks = [f"Code of this request: {code}"]
    for (name, text), limit in sections:
        if text is None:
            blocks.append(f"{name}: none was recorded")
        else:
            blocks.append(f"<<{name} {code}>>\n{without_middle(text, limit, code)}\n<<END {name} {code}>>")
    return "\n\n".join(blocks)


def _sections(rubric: Rubric, item: VisibleParts, *, shared: bool) -> tuple[Section, ...]:
    texts = dict(item)
    if rubric.stand_in is not None:
        texts.setdefault(rubric.stand_in, item[Part.ANSWER])
    parts = [part for part in rubric.parts if (part in SHARED) == shared]
    return tuple((part.value, texts.get(part)) for part in parts if part in texts or part not in rubric.optional)


def _shuffled(case: Case, temperature: float) -> list[int]:
    if not case.ranks:
        return [0]

    def rank(index: int) -> bytes:
        text = repr((temperature, case.shared, case.candidates[index].sections))
        return hashlib.sha256(text.encode()).digest()

    return sorted(range(len(case.candidates)), key=rank)
