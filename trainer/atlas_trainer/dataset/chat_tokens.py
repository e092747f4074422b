"""
Chat messages as tokens, with the learnt ones marked, for any chat template.

Templates need no generation markers: a turn is what rendering adds when its message is appended (prefix rendering).
Tokens are marked by their place, never by their id, so that padding may share the end token.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import TYPE_CHECKING

from jinja2.exceptions import TemplateError

from atlas_api.errors import WrongEndToken
from atlas_trainer.traces.messages import Message, calls_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE = "atlas-core-probe"


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token sequence."""

    ids: tuple[int, ...]
    """Token ids of the prompt and of all turns, as long as `mask`."""

    mask: tuple[bool, ...]
    """Marks, True for learnt tokens: what the model generates in a learnt turn, and the token that ends the turn."""

    turns: tuple[int, ...]
    """Places of the turns learnt here, in the messages that were rendered."""

    text: str
    """The text of the tokens, special tokens written out."""

    offsets: tuple[tuple[int, int], ...]
    """Beginning and end of each token in `text`, in characters."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A learnt turn: the text up to its end token, and where in it the model begins to speak."""

    index: int
    start: int
    text: str


def render(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], learnt: Iterable[int]
) -> tuple[TokenRow, ...]:
    """Tokens of *messages*, one row with the turns *learnt* marked; system, user and tool turns never are.

    A template may rewrite a turn when the conversation goes on: some drop the reasoning of earlier turns, for example.
    Such a turn becomes a row of its own, ending with it, so that it is learnt as it was generated. Rows come in order
    of their last turn. Raises ValueError when *learnt* names a message that is no assistant turn.
    """
    fitted, moved = _fitted(tokenizer, messages)
    rows: list[list[_Turn]] = []
    for index in sorted(learnt, reverse=True):
        if messages[index]["role"] != "assistant":
            raise ValueError(f"message {index} is a {messages[index]['role']} turn; only assistant turns are learnt")
        turn = _turn(tokenizer, fitted, index - moved)
        if rows and rows[-1][0].text.startswith(turn.text):
            rows[-1].append(turn)
        else:
            rows.append([turn])
    return tuple(_tokens(tokenizer, turns, moved) for turns in reversed(rows))


def prompt_text(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]) -> str:
    """Text of *messages* as the model reads them before it answers, special tokens written out."""
    return _rendered(tokenizer, fit_messages(tokenizer, messages), answer=True)


def prompt_ids(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]) -> list[int]:
    """Token ids of `prompt_text`."""
    ids: list[int] = tokenizer(prompt_text(tokenizer, messages), add_special_tokens=False)["input_ids"]
    return ids


def token_counts(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]) -> list[int]:
    """Count the tokens of each of *texts*, without keeping any."""
    return [
        len(encoding) for encoding in tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    ]


def fit_messages(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]) -> tuple[Message, ...]:
    """
    Put *messages* in a form that the template takes.

    Without a system role, its text opens the first user turn. Without tools, calls are written out in the assistant's
    turn (`calls_text`), and their results are user turns between `<tool_response>` marks.
    """
    has_tools = any(message["role"] == "tool" or message.get("tool_calls") for message in messages)
    plain = _without_tools(messages) if has_tools and not _takes_tools(tokenizer) else messages
    return _fitted(tokenizer, plain)[0]


def holds_control_token(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]) -> bool:
    """Whether a text spells a control token, with which a trace could end its turn and speak as somebody else."""
    tokens = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    return any(token in (message.get("content") or "") for message in messages for token in tokens)


def end_of_turn(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Return the token with which the chat template ends assistant turns, as text.

    Raises `WrongEndToken` when there is none, because generation could then never stop by itself.
    """
    text = _rendered(tokenizer, [{"role": "user", "content": "question"}, {"role": "assistant", "content": _PROBE}])
    tail = text.rpartition(_PROBE)[2].lstrip() if _PROBE in text else ""
    atomic = {*tokenizer.all_special_tokens, *(str(token) for token in tokenizer.added_tokens_decoder.values())}
    ends = [token for token in atomic if token and tail.startswith(token)]
    if not ends:
        shown = f"with {tail[:20]!r}, which is no special token" if tail else "with nothing"
        raise WrongEndToken(
            f"spec.model.source: the chat template ends assistant turns {shown}, so generation cannot stop; "
            "use a model whose template ends them with a special token, or add one to chat_template.jinja"
        )
    longest: str = max(ends, key=len)
    return longest


def _turn(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], index: int) -> _Turn:
    before = _rendered(tokenizer, messages[:index], answer=True)
    text = _rendered(tokenizer, messages[: index + 1])
    start = len(commonprefix([before, text]))  # noqa: RUF071 - characters are what is compared
    end_token = end_of_turn(tokenizer)
    last = text.rindex(end_token)
    content = (messages[index].get("content") or "").strip()
    content_start = text.rfind(content, start, last)
    # White space in front of the answer is generated; anything else there was put in by the template, like the empty
    # reasoning block of some, and belongs to the prompt. An answer that the template wrote differently is not found.
    if content and content_start > start and text[start:content_start].strip():
        start = content_start
    return _Turn(index, start, text[: last + len(end_token)])


def _tokens(tokenizer: "PreTrainedTokenizerBase", turns: Sequence[_Turn], moved: int) -> TokenRow:
    """One row of *turns*, which share the text of the first one, the longest."""
    text = turns[0].text
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    offsets = tuple((first, behind) for first, behind in encoded["offset_mapping"])
    spans = [(turn.start, len(turn.text)) for turn in turns]
    mask = tuple(
        any(first < end and max(behind, first + 1) > start for start, end in spans) for first, behind in offsets
    )
    learnt = tuple(sorted(turn.index + moved for turn in turns))
    return TokenRow(tuple(encoded["input_ids"]), mask, learnt, text, offsets)


def _fitted(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]) -> tuple[tuple[Message, ...], int]:
    """Messages that the template takes, and by how much their places moved forward."""
    if [message["role"] for message in messages[:2]] != ["system", "user"] or _takes_system(tokenizer):
        return tuple(messages), 0
    system, first, *others = messages
    return ({**first, "content": f"{system['content']}\n\n{first['content']}"}, *others), 1


def _without_tools(messages: Iterable[Message]) -> list[Message]:
    """*messages* with user and assistant turns alone; results of calls that were made together are one turn."""
    plain: list[Message] = []
    follows_result = False
    for message in messages:
        is_result = message["role"] == "tool"
        if is_result and follows_result:
            plain[-1]["content"] += "\n" + _result_text(message)
        elif is_result:
            plain.append({"role": "user", "content": _result_text(message)})
        else:
            content = calls_text(message) if message.get("tool_calls") else message["content"]
            plain.append({"role": message["role"], "content": content})
        follows_result = is_result
    return plain


def _result_text(message: Message) -> str:
    return f"<tool_response>\n{message['content']}\n</tool_response>"


def _takes_tools(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the template writes out both the calls of tools and their results."""
    call = {"id": "call-1", "type": "function", "function": {"name": _PROBE, "arguments": {"order": 12}}}
    probe: list[Message] = [
        {"role": "user", "content": "question"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": f"{_PROBE}-result", "tool_call_id": "call-1"},
    ]
    try:
        text = _rendered(tokenizer, probe, answer=True)
    except TemplateError:
        return False
    return f"{_PROBE}-result" in text and text.count(_PROBE) > 1


def _takes_system(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the template has a system role: one without refuses it, or leaves its text out."""
    probe = [{"role": "system", "content": _PROBE}, {"role": "user", "content": "question"}]
    try:
        return _PROBE in _rendered(tokenizer, probe, answer=True)
    except TemplateError:
        return False


def _rendered(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], answer: bool = False) -> str:
    """Text of *messages*. Raises TemplateError, however the template fails."""
    try:
        text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=answer)
    except TemplateError:
        raise
    except Exception as error:  # a template is a program: it fails in every way that Python knows
        raise TemplateError(f"{type(error).__name__}: {error}") from error
    return text
