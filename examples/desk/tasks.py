"""
Messages that customers send to the order desk, and the order each one is about.

Pure: the same seed makes the same messages, without end. The order number has three digits; the
other number in a message, the pieces, has one, and misleads.
"""

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

CUSTOMERS = ("Ann", "Bob", "Eve", "Ida", "Kim", "Lee", "Max", "Roy", "Tom", "Zoe")
ARTICLES = (
    "books", "bowls", "boxes", "chairs", "clocks", "cups", "desks", "lamps", "mirrors", "pens", "plates", "shelves",
)  # fmt: skip
MESSAGES = (
    "Order {order}: {pieces} {article} broken.",
    "Order {order} came without {pieces} {article}.",
    "In order {order}, {pieces} {article} are wrong.",
    "Send order {order} with {pieces} {article} to {customer}.",
    "Order {order} has {pieces} {article} too many.",
    "Order {order} for {customer}: {pieces} {article} missing.",
    "For order {order}, {customer} wants {pieces} more {article}.",
    "From order {order}, cancel {pieces} {article}.",
    "{customer} sent order {order} back, {pieces} {article}.",
    "Where is order {order} with {pieces} {article}?",
)
"""The number of pieces comes last, so that repeating the message is no answer."""


@dataclass(frozen=True, slots=True)
class Task:
    """One message, and what the desk's books say about it."""

    message: str
    order: int
    """Number of the order it is about, 100 to 999: the right answer."""

    pieces: int
    """How many articles it is about, 2 to 9."""

    customer: str | None
    """Who is named in the message."""


def tasks(seed: int, known: Collection[str] = ()) -> Iterator[Task]:
    """Tasks without end. No message comes twice, and none that is in *known*."""
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose
    used = set(known)
    while True:
        task = _task(draw)
        if task.message not in used:
            used.add(task.message)
            yield task


def _task(draw: random.Random) -> Task:
    template = draw.choice(MESSAGES)
    order, pieces, customer = draw.randint(100, 999), draw.randint(2, 9), draw.choice(CUSTOMERS)
    message = template.format(order=order, pieces=pieces, article=draw.choice(ARTICLES), customer=customer)
    return Task(message, order, pieces, customer if "{customer}" in template else None)
