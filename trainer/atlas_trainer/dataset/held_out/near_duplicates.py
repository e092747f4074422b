"""
Near-duplicate detection: groups of tasks so alike that answering one is practice for the other.

Two tasks are near-duplicates when they have the same words, or differ by one word inserted, deleted or replaced. Words
with digits in them always count: "3 plus 4" is not "3 plus 5". If the first is a near-duplicate of the second and the
second of the third, all three are one group.

Time and memory are linear in the number of words, by hashing each task with each word left out. Should two different
tasks ever share a 64-bit hash, they merely share a group.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from atlas_rewards.safety.unicode_form import in_form

Hashes = NDArray[np.uint64]

LONGEST = 256
"""Most words of a task. Longer ones are near-duplicates only when all words are the same."""

SHORTEST = 3
"""Fewest words of a task. In shorter ones a word is most of the meaning: "refund order" is not "cancel order"."""

# Scripts without spaces between words count character by character, so that one edit stays a small one.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
_NUMBER = "number"
_CACHED_WORDS = 1 << 16
_MODULUS = 1 << 64
_BASE = 0x9E3779B97F4A7C15
_MARK = np.uint64(0xD6E8FEB86659FD93)
_POWERS: Hashes = np.array([pow(_BASE, exponent, _MODULUS) for exponent in range(LONGEST + 1)], dtype=np.uint64)
_SHIFT_DOWN = np.uint64(pow(_BASE, -1, _MODULUS))


def canonical(task: str) -> str:
    """The words of *task*: Unicode compatibility form, case folded, without punctuation. Never splits further tasks.

    A task without any word keeps its other characters, so that "?" and "!" stay different.
    """
    folded = in_form("NFKC", in_form("NFKC", task).casefold())
    return " ".join(_WORD.findall(folded) or folded.split())


def without_numbers(task: str) -> str:
    """The words of *task*, all that have digits in them replaced by the same one."""
    return " ".join(_NUMBER if _has_digit(word) else word for word in canonical(task).split())


def group_near_duplicates(tasks: Sequence[str]) -> list[str]:
    """Name the group of each of *tasks*, by the smallest canonical text in it. Order does not matter."""
    canonicals = [canonical(task) for task in tasks]
    texts = sorted(set(canonicals))
    parents = list(range(len(texts)))
    for left, right in _near_duplicates(texts):
        _join(parents, left, right)
    names = {text: texts[_root(parents, index)] for index, text in enumerate(texts)}
    return [names[text] for text in canonicals]


def _near_duplicates(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of places in *texts* whose texts are one edit apart."""
    words = [text.split(" ") for text in texts]
    short = [index for index, parts in enumerate(words) if len(parts) <= LONGEST]
    if not short:
        return []
    whole: dict[int, int] = {}
    shorter: list[tuple[int, Hashes]] = []
    marked: list[tuple[int, Hashes]] = []
    for index in short:
        hashes = np.array([_word_hash(word) for word in words[index]], dtype=np.uint64)
        terms = hashes * _POWERS[: len(hashes)]
        total = terms.sum(dtype=np.uint64)
        whole[int(total)] = index
        if len(hashes) >= SHORTEST:
            free = np.array([not _has_digit(word) for word in words[index]])
            before = np.cumsum(terms, dtype=np.uint64) - terms
            shorter.append((index, (before + (total - before - terms) * _SHIFT_DOWN)[free]))
            marked.append((index, (total + (_MARK - hashes) * _POWERS[: len(hashes)])[free]))
    return [*_lookups(whole, shorter), *_collisions(marked)]


def _lookups(whole: dict[int, int], variants: list[tuple[int, Hashes]]) -> list[tuple[int, int]]:
    """Pairs of tasks of which one is the other with one word left out."""
    return [(owner, whole[key]) for owner, keys in variants for key in keys.tolist() if key in whole]


def _collisions(variants: list[tuple[int, Hashes]]) -> list[tuple[int, int]]:
    """Pairs of tasks that are equal but for the word in one place."""
    if not variants:
        return []
    keys = np.concatenate([hashes for _, hashes in variants])
    owners = np.repeat([owner for owner, _ in variants], [len(hashes) for _, hashes in variants])
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    return list(zip(owners[order][same].tolist(), owners[order][same + 1].tolist(), strict=True))


@lru_cache(_CACHED_WORDS)
def _word_hash(word: str) -> int:
    """A hash that is equal in every process, unlike that of `hash`."""
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())


@lru_cache(_CACHED_WORDS)
def _has_digit(word: str) -> bool:
    return any(character.isnumeric() for character in word)


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def _join(parents: list[int], left: int, right: int) -> None:
    """Join two groups. The smaller place becomes the root; texts are sorted, so it names the group."""
    low, high = sorted((_root(parents, left), _root(parents, right)))
    parents[high] = low
