"""From the SDK's tables to rows: a session that was retried with guidance, seen from both sides."""

from pathlib import Path

import psycopg
from support.sdk.rows import NOTE, insert_session, metadata
from support.traces.reading import traces_of
from support.trainer.chat_templates import CHATML, make_tokenizer
from support.trainer.trainings import make_training

from atlas_trainer.dataset.dataset import Dataset, build_dataset, freeze, thaw
from atlas_trainer.traces.session import Tally

TOKENIZER = make_tokenizer(CHATML)


def build(database_url: str, folder: Path, role: str = "student") -> Dataset:
    traces = traces_of(database_url, folder).model_dump(mode="json", by_alias=True, exclude_none=True)
    model = {"source": str(folder / "model"), "maxLength": 512}
    return build_dataset(make_training(folder, model=model, traces={**traces, "role": role}).spec, TOKENIZER, Tally())


def insert_sessions(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        prompted = metadata(executor_system_prompt="You refund orders.", ground_truth="refund of 7")
        insert_session(connection, task="Refund order 7", metadata=prompted)
        insert_session(connection, task="Ship order 12 to the new address", outputs=("Shipped",), notes=())
        insert_session(connection, task=" ")
        insert_session(connection, task="Cancel order 3", review_status="quarantined")


def test_the_student_learns_to_answer_tasks(database_url: str, tmp_path: Path) -> None:
    insert_sessions(database_url)
    dataset = build(database_url, tmp_path)
    refused, retried, accepted = dataset.rows
    assert [message["role"] for message in retried.prompt] == ["system", "user"]
    assert retried.prompt[0]["content"] == "You refund orders."
    assert NOTE in retried.prompt[1]["content"]
    assert NOTE not in refused.prompt[1]["content"]
    assert (refused.recorded, refused.refused, refused.reference) == ("Refund sent", True, "refund of 7")
    assert (retried.recorded, retried.refused, retried.reward) == ("Refunded", False, 0.86)
    assert accepted.recorded == "Shipped"
    assert dataset.status().prompts == {"rebuilt": 3}
    assert dataset.dropped == {"noTask": 1, "reviewStatus": 1}
    assert dataset.matched == 3


def test_the_teacher_learns_to_guide(database_url: str, tmp_path: Path) -> None:
    insert_sessions(database_url)
    with psycopg.connect(database_url) as connection:
        insert_session(connection, task="Ship order 15 to the old address")
    dataset = build(database_url, tmp_path, role="teacher")
    texts = [row.prompt[0]["content"] for row in dataset.rows]
    assert ["Refund order 7" in texts[0], "Ship order 15 to the old address" in texts[1]] == [True, True]
    assert all(text.endswith("What the agent answered (attempt 1):\nRefund sent") for text in texts)
    assert {row.reference for row in dataset.rows} == {NOTE}
    assert dataset.dropped == {"noGuidance": 1, "noTask": 1, "reviewStatus": 1}


def test_what_happens_in_the_database_later_does_not_touch_frozen_rows(database_url: str, tmp_path: Path) -> None:
    insert_sessions(database_url)
    frozen = build(database_url, tmp_path)
    freeze(frozen, tmp_path / "dataset")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE sessions SET final_answer = 'changed', metadata = NULL")
    assert thaw(tmp_path / "dataset") == frozen
    assert build(database_url, tmp_path).digest != frozen.digest
