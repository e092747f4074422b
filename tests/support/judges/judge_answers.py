"""What a scripted judge's replies look like on the wire: HTTP, the chat-completion protocol, streams. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from support.judges.judge_replies import JudgeRequest, Reply


def answer(request: JudgeRequest, reply: Reply) -> bytes:
    """The whole response to one request for a completion."""
    if reply.body is not None:
        return response(reply.status, reply.headers, reply.body)
    if request.body.get("stream"):
        return b"".join(_stream(request, reply))
    return response(reply.status, reply.headers, _completion(request, reply))


def prepared(reply: Reply) -> Reply:
    """*reply* as bytes that answer any request, whatever model it names; never as a stream."""
    return replace(reply, body=json.dumps(_completion(JudgeRequest(0, 0, {"model": "scripted"}, {}), reply)).encode())


def response(status: int, headers: Mapping[str, str], body: Any) -> bytes:
    """Head and body; *body* is JSON, or bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", **headers, "Content-Length": str(len(data))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode("latin-1") + data


def _completion(request: JudgeRequest, reply: Reply) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.content, **reply.message}
    choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
    return _frame(request, "chat.completion", choice) | {"usage": _usage(request, reply)}


def _stream(request: JudgeRequest, reply: Reply) -> Iterator[bytes]:
    """Server-sent events, a few characters each, chunked."""
    text = str(reply.content)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[start : start + 16]} for start in range(0, len(text), 16)]
    frames: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    frames.append({"index": 0, "delta": {}, "finish_reason": reply.finish_reason})
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    for frame in frames:
        yield _chunk(b"data: " + json.dumps(_frame(request, "chat.completion.chunk", frame)).encode() + b"\n\n")
    usage = _frame(request, "chat.completion.chunk", None) | {"usage": _usage(request, reply)}
    yield _chunk(b"data: " + json.dumps(usage).encode() + b"\n\n") + _chunk(b"data: [DONE]\n\n") + _chunk(b"")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _frame(request: JudgeRequest, kind: str, choice: dict[str, Any] | None) -> dict[str, Any]:
    choices = [] if choice is None else [choice]
    return {"id": f"c-{request.number}", "object": kind, "created": 0, "model": request.model, "choices": choices}


def _usage(request: JudgeRequest, reply: Reply) -> dict[str, int]:
    if reply.usage is not None:
        return dict(reply.usage)
    prompt, completion = len(request.text) // 4, len(str(reply.content)) // 4
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
