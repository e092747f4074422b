"""Docstrings of a source text, and whether one can stand alone in an editor's hover or in `kubectl explain`."""

import ast
import inspect
import re
from collections.abc import Iterator

LEAST_WORDS = 3

_PREPOSITIONS = (
    "About|After|Among|As|At(?! most| least)|Before|Below|Beside|Between|Beyond|By|During|For|From(?! now on)|In|Into"
    "|Like|Of|On|Over|To|Under|Until|With|Within|Without"
)
_ADVERBS = (
    "about|after|as|at|before|by|each|first|for|from|how|in|into|now|on|once|only|out|to|until|when|while|with|without"
)
_PARTICIPLES = r"\w+(?<!e)ed|Caught|Drawn|Equal|Found|Given|Held|Kept|Left|Made|Sent|Set|Shown|Taken|Told"
_QUESTIONS = "Why|How|When|Where|Whether|What|Which|Who|Whose|Since when"

_FAULTS = (
    (rf"({_PREPOSITIONS})\b", "a preposition opens it; begin with the noun or verb that it belongs to"),
    (r"The same\b|Also\b", "it leans on another docstring; say what it is the same as, the thing itself first"),
    (r"(It|Its|They|Them|Their|He|His|These|Those|That of)\b", "a pronoun opens it; name the thing"),
    (rf"({_QUESTIONS}) (it|its|they|their|he)\b", "a pronoun stands for its subject; name the thing"),
    (rf"({_QUESTIONS})[.,]", "it asks about nothing; say what is asked about"),
    (rf"({_PARTICIPLES}) ({_ADVERBS})\b", "a participle opens it; name the thing that it is said of"),
    (r"(None|True|False|\d+ to \d+)\b", "a value opens it; say first what has this value"),
)


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring in *source*: of the module, its classes, functions and attributes."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, inspect.cleandoc(text)


def first_sentence(text: str) -> str:
    """The first sentence of *text*, on one line."""
    return re.split(r"(?<=[.?!]) ", " ".join(text.partition("\n\n")[0].split()))[0]


def fault(text: str, least_words: int = LEAST_WORDS) -> str | None:
    """Why the first sentence of *text* cannot stand alone, with the cure. None when it can."""
    sentence = first_sentence(text)
    if len(re.findall(r"\S*\w\S*", sentence)) < least_words:
        return f"it has fewer than {least_words} words; say what it is, of what, in which unit"
    return next((why for pattern, why in _FAULTS if re.match(pattern, sentence)), None)
