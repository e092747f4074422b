"""
Asks models, as reliably as they let us. The ensemble uses this and nothing below it.

    caller = caller_for(judging, revision)
    answer = await caller.ask(judging.models.small, messages, temperature=0.2)
    await caller.close()
"""

from collections.abc import Callable, Mapping, Sequence

from atlas_api.judging import JudgeModel, Judging
from atlas_rewards.judging.answer import Answer, NoAnswer, Reason

__all__ = ["Answer", "Caller", "NoAnswer", "Reason", "caller_for"]

Message = Mapping[str, str]
"""A chat message: `role` and `content`."""


class Caller:
    """Asks the models of one configuration. Belongs to one event loop."""

    async def ask(
        self,
        model: JudgeModel,
        messages: Sequence[Message],
        temperature: float,
        deadline: float | None = None,
        *,
        repetition: int = 0,
        usable: Callable[[str], bool] = lambda _: True,
    ) -> Answer:
        """
        The answer of *model*. Raises NoAnswer.

        *deadline* is a moment of `time.monotonic`; left out, `timeouts.totalSeconds` from now. Identical questions get
        the same answer, from the cache or by sharing a call: where a question is put several times at the *same*
        temperature to get different answers, number them with *repetition*. Answers that are not *usable* are given
        back but not remembered.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Close all connections and the cache. Questions that are waiting get no answer."""


def caller_for(judging: Judging, revision: str) -> Caller:
    """The caller for this configuration. Raises SourceMissing for a key that is not there."""
    raise NotImplementedError
