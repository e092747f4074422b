"""The SDK's own reader of answers is the oracle: what it takes out of an agent's text is what verifiers compare."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

# isort: split
# Sets the environment before the SDK is imported.
import support.sdk.recorder  # noqa: F401

# isort: split
from atlas.personas.student import Student
from langchain_core.messages import AIMessage

from atlas_api.training.reward import Answer
from atlas_rewards import Item
from atlas_rewards.verifiers.answer import answered

ENVELOPE = Answer(source="envelope")
READER = Student.__new__(Student)
VALUES = st.text() | st.integers() | st.booleans() | st.lists(st.text(), max_size=2) | st.just({"b": 1, "a": [2]})
DOCUMENTS = st.one_of(
    st.fixed_dictionaries({"result": st.fixed_dictionaries({"deliverable": VALUES, "artifacts": st.none()})}),
    st.fixed_dictionaries({"result": VALUES, "reason": st.text()}),
    st.fixed_dictionaries({"deliverable": VALUES}),
    VALUES,
)
AROUND = ["{}", "```json\n{}\n```", "```{}```", "``` json{}", "```JSON\n{}\n```", "So: {}", "{}.", "\n\n{} ", "```{}`"]
TEXTS = st.builds(
    lambda around, document: around.replace("{}", json.dumps(document)), st.sampled_from(AROUND), DOCUMENTS
)


@settings(deadline=None, max_examples=500)
@given(TEXTS | st.text())
def test_the_answer_is_what_the_sdk_takes_for_the_deliverable(text: str) -> None:
    read: dict[str, Any] = READER._normalise_executor_message(AIMessage(content=text))
    found = answered(Item(text), ENVELOPE)
    if found is None:
        assert read["deliverable"] == text
    else:
        theirs = answered(Item(json.dumps({"result": {"deliverable": read["deliverable"]}})), ENVELOPE)
        assert theirs is not None
        assert found.completion == theirs.completion
