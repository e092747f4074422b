"""The fake judge speaks the protocol well enough for the vendor's own client."""

import os
import subprocess
import sys
from pathlib import Path

import openai
import pytest
from support.judges.judge_replies import JudgeRequest, Rates, Reply, by_content, in_turn, refusal, verdict
from support.judges.scripted_judge import ScriptedJudge

TESTS = Path(__file__).parents[2]


def client(base_url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=base_url, api_key="k", max_retries=0)


def ask(client: openai.OpenAI, text: str = "Is it right?") -> str | None:
    messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="m", messages=messages, temperature=0.2).choices[0].message.content


def test_it_answers_and_remembers_what_it_was_asked() -> None:
    with ScriptedJudge(in_turn(Reply("yes"))) as judge, client(judge.base_url) as user:
        assert ask(user, "Well?") == "yes"
        assert [model.id for model in user.models.list()] == ["scripted"]
    request = judge.requests[0]
    assert (request.model, request.temperature, request.text) == ("m", 0.2, "Well?")
    assert request.headers["authorization"] == "Bearer k"


def test_it_streams() -> None:
    text = "a longer answer that needs several pieces, é included"
    with ScriptedJudge(in_turn(Reply(text))) as judge, client(judge.base_url) as user:
        pieces = list(user.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True))
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == text
    assert len(pieces) > 4


def test_it_refuses_in_turn() -> None:
    script = in_turn(refusal(429, "7"), refusal(503), verdict(0.5))
    with ScriptedJudge(script) as judge, client(judge.base_url) as user:
        with pytest.raises(openai.RateLimitError) as limited:
            ask(user)
        assert limited.value.response.headers["retry-after"] == "7"
        with pytest.raises(openai.InternalServerError):
            ask(user)
        assert '"score": 0.5' in (ask(user) or "")


def test_it_breaks_connections() -> None:
    with (
        ScriptedJudge(Rates(breaks=1.0)) as judge,
        client(judge.base_url) as user,
        pytest.raises(openai.APIConnectionError),
    ):
        ask(user)


def test_faults_come_at_their_rates_and_the_same_requests_meet_the_same_fate() -> None:
    rates = Rates(errors=0.1, hangs=0.05, garbage=0.05, breaks=0.05)
    questions = [JudgeRequest(number, 0, {"messages": [{"content": str(number)}]}, {}) for number in range(4000)]
    replies = [rates(request) for request in questions]
    assert sum(reply.status != 200 for reply in replies) == pytest.approx(400, abs=80)
    assert sum(reply.latency > 0 for reply in replies) == pytest.approx(200, abs=60)
    assert sum(reply.breaks for reply in replies) == pytest.approx(200, abs=60)
    assert [rates(request) for request in reversed(questions)] == replies[::-1]


def test_scores_depend_on_the_text_alone() -> None:
    def reply(text: str, temperature: float) -> Reply:
        return by_content(JudgeRequest(0, 0, {"messages": [{"content": text}], "temperature": temperature}, {}))

    assert reply("a", 0.2) == reply("a", 0.8)
    assert reply("a", 0.2) != reply("b", 0.2)


def test_it_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "support.judges.scripted_judge", "--score", "0.25"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        with client(process.stdout.readline().strip()) as user:
            assert '"score": 0.25' in (ask(user) or "")
        process.terminate()
