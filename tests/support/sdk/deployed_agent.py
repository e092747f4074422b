"""
A deployed agent: the SDK's own student with its real adapter, and a scripted model server that logs what it is asked.

What the server was asked and what it replied is the oracle for the prompts that the trainer reads out of the traces.
Importing this module takes seconds.
"""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from support.sdk.recorder import with_database
from support.sdk.runtime import ENOUGH, ScriptedModel, ScriptedTeacher, store_session

# isort: split
# `support.sdk.recorder` sets the environment before the SDK is imported.
from atlas.config.models import (
    AdaptiveTeachingConfig,
    LLMParameters,
    LLMProvider,
    OrchestrationConfig,
    PythonAdapterConfig,
    RIMConfig,
    StudentConfig,
    ToolDefinition,
    ToolParameterSchema,
)
from atlas.connectors.factory import create_adapter
from atlas.evaluation.evaluator import Evaluator
from atlas.personas.student import Student
from atlas.prompts import build_student_prompts
from atlas.runtime.orchestration.orchestrator import AdaptiveModeDecision, Orchestrator
from atlas.types import Plan
from langchain_core.messages import ToolMessage

Pair = tuple[list[dict[str, Any]], dict[str, Any]]
"""The messages that the model was asked with, and the message that it replied."""

TOOL = ToolDefinition(
    name="look_up",
    description="Looks an order up",
    parameters=ToolParameterSchema(type="object", properties={"order": {"type": "integer"}}, required=["order"]),
)
_LETTERS = "etaoin shrdlu"
_ODD = ("é", "\u2028", "\U0001f600", '"quoted"', "{}", "\\n", "line\nbreak", "<b>", "日本語", "$task")


@dataclass
class ModelServer:
    """A server (a fake) with the API of chat completions, which says what it is told to."""

    url: str
    replies: list[dict[str, Any]] = field(default_factory=list)
    """Messages that it replies with, the next one first."""

    plan: str = ""
    """What it says when it is asked for a plan."""

    pairs: list[Pair] = field(default_factory=list)
    """What it was asked while a step was executed, and what it said."""


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """A running server."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            mode = self.headers["x-mode"]
            if mode == "execution":
                message = model.replies.pop(0)
                model.pairs.append((asked["messages"], message))
            else:
                message = {"role": "assistant", "content": model.plan if mode == "planning" else "All is done."}
            body = json.dumps({"choices": [{"index": 0, "message": message}]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    model = ModelServer(f"http://127.0.0.1:{server.server_port}/v1/chat/completions")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Student(Student):  # type: ignore[misc]  # the SDK ships no types
    """
    The SDK's student, with its two faults around tools mended: no session in which a tool is called comes through them.

    It reads calls as objects, which LangChain makes as dicts, and it calls LangGraph's tool node without what the node
    of today demands. The messages that are recorded are built by the SDK all the same.
    """

    def _refresh_graph_builder(self) -> None:
        super()._refresh_graph_builder()

        async def tool_node(state: Any) -> Any:
            tools = {tool.name: tool for tool in self._tools}
            for call in state.messages[-1].tool_calls:
                content = str(await tools[call["name"]].ainvoke(call["args"]))
                state.messages.append(ToolMessage(content=content, tool_call_id=call["id"]))
            return state

        self._graph_builder.tool_node = tool_node

    def _serialize_message(self, message: Any) -> dict[str, Any]:
        calls = getattr(message, "tool_calls", None)
        if not calls:
            found: dict[str, Any] = super()._serialize_message(message)
            return found
        without = super()._serialize_message(message.model_copy(update={"tool_calls": []}))
        return {**without, "tool_calls": [{**call, "type": call.get("type")} for call in calls]}

    def _build_trace(self, messages: Sequence[Any]) -> str:
        return "\n".join(f"{message.type.upper()}: {message.content}" for message in messages)


class _Orchestrator(Orchestrator):  # type: ignore[misc]
    """The SDK's orchestrator in any lane, also in the one with several steps, which it never chooses by itself."""

    mode = "paired"

    async def _determine_adaptive_mode(self, *_: Any) -> Any:
        return AdaptiveModeDecision(mode=self.mode, confidence=1.0, source="forced")


class _Teacher(ScriptedTeacher):
    async def areview_plan(self, _: str, plan: Any) -> Any:
        return Plan.model_validate({**plan.model_dump(), "execution_mode": "stepwise"})


@dataclass(frozen=True)
class Course:
    """The course of one session, drawn by a seed."""

    task: str
    mode: str
    notes: tuple[str, ...]
    replies: tuple[dict[str, Any], ...]
    plan: str
    tools: bool


def courses(seed: int, count: int, characters: int = 0) -> list[Course]:
    """*count* courses: all lanes, with and without retries, steps and tools. Answers are *characters* longer."""
    draw = random.Random(seed)
    return [_course(draw, number, characters) for number in range(count)]


def _course(draw: random.Random, number: int, characters: int) -> Course:
    mode = draw.choice(("auto", "paired", "stepwise"))
    steps = draw.randint(2, 4) if mode == "stepwise" else 1
    retries = 0 if mode == "auto" else draw.randint(0, steps)
    tools = draw.random() < 0.4
    replies = [reply for _ in range(steps + retries) for reply in _attempt(draw, tools, characters)]
    planned = [
        {"id": step, "description": _text(draw, f"Do part {step}"), "depends_on": list(range(1, step))[-1:]}
        for step in range(1, steps + 1)
    ]
    notes = tuple(_text(draw, f"Look again, {place}") for place in range(retries))
    return Course(
        _text(draw, f"Refund order {number}"), mode, notes, tuple(replies), json.dumps({"steps": planned}), tools
    )


def _attempt(draw: random.Random, tools: bool, characters: int) -> list[dict[str, Any]]:
    calls = [
        {
            "role": "assistant",
            "content": _text(draw, "Let me see") if draw.random() < 0.5 else "",
            "tool_calls": [{"name": "look_up", "arguments": {"order": draw.randint(1, 99)}, "id": f"c{place}"}],
        }
        for place in range(draw.randint(0, 2) if tools else 0)
    ]
    said = _text(draw, "Refunded") + "".join(draw.choices(_LETTERS, k=characters))
    envelope = json.dumps({"result": {"deliverable": said, "artifacts": None}}, ensure_ascii=False)
    return [*calls, {"role": "assistant", "content": draw.choice((said, envelope))}]


def _text(draw: random.Random, beginning: str) -> str:
    return f"{beginning} {draw.choice(_ODD)} {draw.randint(0, 10**6)}"


def run_courses(url: str, model: ModelServer, planned: Sequence[Course]) -> dict[int, list[Pair]]:
    """Run and store one session for each of *planned*: session id -> what the model was asked and said in it."""

    async def work(database: Any) -> dict[int, list[Pair]]:
        found = {}
        for course in planned:
            model.replies, model.plan, model.pairs = list(course.replies), course.plan, []
            session = await store_session(database, _orchestrator(course), course.task)
            found[session] = model.pairs
        return found

    result: dict[int, list[Pair]] = with_database(url, work)
    return result


def _orchestrator(course: Course) -> Any:
    params = LLMParameters(provider=LLMProvider.OPENAI, model="scripted", api_key_env="NONE")
    judges = RIMConfig(small_model=params, large_model=params)
    judge = ScriptedModel(ENOUGH)
    made = _Orchestrator(
        teacher=_Teacher(list(course.notes)),
        student=_student([TOOL] if course.tools else []),
        evaluator=Evaluator(judges, small_client=judge, large_client=judge),
        orchestration_config=OrchestrationConfig(),
        rim_config=judges,
        adaptive_config=AdaptiveTeachingConfig(),
    )
    made.mode = course.mode
    return made


def _student(tools: list[Any]) -> Any:
    adapter = PythonAdapterConfig(
        name="clerk",
        system_prompt="You are a clerk.\n  Use what you know.",
        tools=tools,
        import_path="support.sdk.agent_function",
        attribute="main",
    )
    prompts = build_student_prompts(adapter.system_prompt, StudentConfig())
    return _Student(create_adapter(adapter), adapter, StudentConfig(), prompts)
