"""
Reads a request's body: never more of it, never longer and never more deeply nested than is good for the service.

Knows nothing about items.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from atlas_api.inputs.budgets import Budget, OverBudgetError, TooManyValuesError, decode_json
from atlas_rewards.server.http.disconnect import CLIENT_LEFT
from atlas_rewards.server.http.request_error import RequestError

SECONDS = 30.0
"""How long a client may take to send a body."""

BODIES = 16
"""Bodies of the largest allowed size that may be held at the same time; many more small ones fit."""

VALUES_AN_ITEM = 1000
"""Values (texts, numbers, lists, mappings) an item, on average over the largest batch."""

DEEPEST = 500
"""Lists and mappings within each other. An item that is nested more deeply than items may be is refused by itself."""


class Bodies:
    """All bodies that are held in memory now."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self.held = 0
        """Bytes that are held now."""

    @asynccontextmanager
    async def read(self, request: Request, limit: int, items: int) -> AsyncIterator[Any]:
        """The document in the body of at most *limit* bytes, counted as held inside. Raises RequestError."""
        body = bytearray()
        size = 0
        try:
            await self._receive(request, limit, body)
            size = len(body)
            document = read_json(body, items)
            body.clear()
            yield document
        finally:
            self.held -= size or len(body)

    async def _receive(self, request: Request, limit: int, body: bytearray) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._collect(request, limit, body)
        except TimeoutError:
            raise RequestError(
                408, "slowBody", f"the body did not arrive within {self._seconds:g} s; send it faster"
            ) from None
        except ClientDisconnect:
            raise RequestError(CLIENT_LEFT, "clientLeft", "the client left before its body was whole") from None

    async def _collect(self, request: Request, limit: int, body: bytearray) -> None:
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            _too_large(limit)
        async for chunk in request.stream():
            if len(body) + len(chunk) > limit:
                _too_large(limit)
            if self.held + len(chunk) > BODIES * limit:
                raise RequestError(429, "busy", "too many large requests at the same time; send this one again", 1)
            self.held += len(chunk)
            body += chunk


def read_json(body: bytes | bytearray, items: int) -> Any:
    """The document in *body*, which may hold as many values as *items* items need. Raises RequestError."""
    most = items * VALUES_AN_ITEM
    try:
        return decode_json(body, Budget(len(body), most + 1, DEEPEST))
    except TooManyValuesError:
        raise RequestError(413, "tooManyValues", f"the body holds more than {most} values; send fewer items") from None
    except OverBudgetError:
        raise RequestError(400, "notJson", "the body is nested too deeply") from None
    except ValueError as error:
        where = f" (character {error.pos})" if isinstance(error, json.JSONDecodeError) else ""
        raise RequestError(400, "notJson", f"the body is not valid JSON in UTF-8{where}") from None


def _too_large(limit: int) -> NoReturn:
    raise RequestError(413, "tooLarge", f"the body has more than {limit} bytes; send fewer items in a request")
