"""Clients that ask a reward service for scores without a break, and note what became of every request.

Plain ones never try again: a request that is lost shows. The project's own client is among them.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import NamedTuple
from urllib.parse import urlsplit

from atlas_api.errors import AtlasError
from atlas_rewards.client.reward_client import RewardClient
from atlas_rewards.item import Item

_PATIENCE = 60
_PAUSE = 0.02


class Answer(NamedTuple):
    """What one request got."""

    caller: str
    score: float | None = None
    revision: str = ""
    problem: str = ""
    """Why there is no score; empty when there is one."""


class Callers:
    """Requests that were made so far."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    @property
    def lost(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.problem]

    def revisions(self, since: int) -> set[str]:
        """Seen in the answers from number *since* on."""
        return {answer.revision for answer in self.answers[since:]}


Ask = Callable[[str], Answer]
Kind = Callable[[str, str], AbstractContextManager[Ask]]


@contextmanager
def steady_callers(url: str, token: str, each: int) -> Iterator[Callers]:
    """*each* callers of each kind ask the service at *url* while the context lasts."""
    callers, enough = Callers(), threading.Event()

    def call(number: int, kind: Kind) -> None:
        with kind(url, token) as ask:
            for turn in count():
                if enough.wait(_PAUSE):
                    return
                callers.answers.append(ask(f"answer {turn} of caller {number}"))

    kinds: list[Kind] = [_keeping, _connecting, _patient]
    threads = [threading.Thread(target=call, args=one) for one in enumerate(kinds * each)]
    for thread in threads:
        thread.start()
    try:
        yield callers
    finally:
        enough.set()
        for thread in threads:
            thread.join()


@contextmanager
def _keeping(url: str, token: str) -> Iterator[Ask]:
    """Keeps its connection as long as the service does."""
    with closing(_connection(url)) as connection:
        yield lambda completion: _plain("keeping", connection, token, completion)


@contextmanager
def _connecting(url: str, token: str) -> Iterator[Ask]:
    """Makes a new connection for each request."""

    def ask(completion: str) -> Answer:
        with closing(_connection(url)) as connection:
            return _plain("connecting", connection, token, completion)

    yield ask


@contextmanager
def _patient(url: str, token: str) -> Iterator[Ask]:
    """The project's own client."""
    client = RewardClient(url, token, patience=_PATIENCE)

    def ask(completion: str) -> Answer:
        try:
            (result,) = client.score_sync([Item(completion)])
        except AtlasError as error:
            return Answer("patient", problem=str(error))
        return _scored("patient", result.score, result.revision, result.reasons)

    try:
        yield ask
    finally:
        client.close_sync()


def _plain(caller: str, connection: HTTPConnection, token: str, completion: str) -> Answer:
    body = json.dumps({"items": [{"completion": completion}]})
    try:
        connection.request("POST", "/v1/score", body, {"Authorization": f"Bearer {token}"})
        with connection.getresponse() as answer:
            content = answer.read()
    except (OSError, HTTPException) as error:
        connection.close()
        return Answer(caller, problem=repr(error))
    if answer.status != HTTPStatus.OK:
        return Answer(caller, problem=f"{answer.status} {content.decode()}")
    (result,) = json.loads(content)["results"]
    return _scored(caller, result["score"], result["revision"], result["reasons"])


def _scored(caller: str, score: float | None, revision: str, reasons: object) -> Answer:
    return Answer(caller, score, revision, problem="" if score is not None else f"no score: {reasons}")


def _connection(url: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(url).netloc, timeout=_PATIENCE)
