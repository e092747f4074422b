"""A line with prompt and completion is a session of one turn."""

from typing import Any

import pytest
from support.traces.other_makers import ANSWER, CALLS, QUESTION, RESULT

from atlas_api.training.traces import TraceFields
from atlas_trainer.dataset.turns import turns_of
from atlas_trainer.traces.formats.prompt_completion import session_of_pair
from atlas_trainer.traces.formats.record import UnreadableRecordError


@pytest.mark.parametrize("prompt", ["State of order 12?", [QUESTION]])
@pytest.mark.parametrize("completion", ["It is paid.", [ANSWER]])
def test_prompt_and_completion_are_texts_or_messages(prompt: Any, completion: Any) -> None:
    session = session_of_pair({"prompt": prompt, "completion": completion}, TraceFields())
    (turn,) = turns_of(session)
    assert (turn.prompt, turn.origin, turn.output) == ((QUESTION,), "recorded", "It is paid.")
    assert (session.task, session.final_answer) == ("State of order 12?", "It is paid.")


def test_examples_in_the_prompt_are_no_turns() -> None:
    examples = [{"role": "user", "content": "Of order 11?"}, {"role": "assistant", "content": "It is open."}]
    (turn,) = turns_of(session_of_pair({"prompt": [*examples, QUESTION], "completion": "Paid."}, TraceFields()))
    assert (turn.prompt, turn.output) == ((*examples, QUESTION), "Paid.")


def test_a_completion_with_tools_has_a_turn_for_each_call_of_the_model() -> None:
    pair = {"prompt": [QUESTION], "completion": [CALLS, RESULT, ANSWER]}
    assert len(turns_of(session_of_pair(pair, TraceFields()))) == 2


def test_a_blank_completion_is_no_answer() -> None:
    session = session_of_pair({"prompt": "State of order 12?", "completion": "\n"}, TraceFields())
    assert turns_of(session) == []


@pytest.mark.parametrize(
    ("pair", "why"),
    [({"prompt": 1, "completion": "x"}, "prompt is neither"), ({"prompt": "x", "completion": None}, "completion is")],
)
def test_anything_else_is_unreadable(pair: Any, why: str) -> None:
    with pytest.raises(UnreadableRecordError, match=why):
        session_of_pair(pair, TraceFields())
