"""Processes prove to each other that they know the secret of their attempt."""

import hashlib
import hmac
import threading
from collections.abc import Callable, Sequence

import pytest

from atlas_api.errors import UntrustedPeer
from atlas_trainer.distributed.proof import prove

Gather = Callable[[bytes], Sequence[bytes]]


class Meeting:
    """Threads in place of processes: each brings bytes and takes those of all, round by round."""

    def __init__(self, size: int) -> None:
        self.rounds: list[list[bytes]] = []
        self._size = size
        self._barrier = threading.Barrier(size)
        self._current = [b""] * size

    def gather_of(self, rank: int, forge: Callable[[int, bytes, list[list[bytes]]], bytes] | None = None) -> Gather:
        done = 0

        def gather(data: bytes) -> Sequence[bytes]:
            nonlocal done
            self._current[rank] = forge(done, data, self.rounds) if forge else data
            self._barrier.wait(10)
            everything = list(self._current)
            if self._barrier.wait(10) == 0:
                self.rounds.append(everything)
            self._barrier.wait(10)
            done += 1
            return everything

        return gather


def outcomes(secrets: Sequence[str], gathers: Sequence[Gather]) -> list[str]:
    """Name of the error that each process ends with, empty for none."""
    results = [""] * len(secrets)

    def process(rank: int) -> None:
        try:
            prove(rank, secrets[rank], gathers[rank])
        except UntrustedPeer as error:
            results[rank] = f"{error.reason}: {error}"

    threads = [threading.Thread(target=process, args=(rank,)) for rank in range(len(secrets))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def joined(*secrets: str) -> list[str]:
    meeting = Meeting(len(secrets))
    return outcomes(secrets, [meeting.gather_of(rank) for rank in range(len(secrets))])


@pytest.mark.parametrize("secret", ["s3cret", "", "ü" * 100])
def test_processes_with_one_secret_accept_each_other(secret: str) -> None:
    assert joined(secret, secret, secret) == ["", "", ""]


@pytest.mark.parametrize("other", ["", "s3cret ", "S3CRET"])
def test_a_process_with_another_secret_is_named_and_refused(other: str) -> None:
    first, stranger, third = joined("s3cret", other, "s3cret")
    assert "process 1 does not know the secret" in first
    assert "process 1 does not know the secret" in third
    assert "process 0" in stranger


def test_no_message_holds_the_secret() -> None:
    meeting = Meeting(2)
    assert all("s3cret" not in text for text in outcomes(["s3cret", "x"], [meeting.gather_of(0), meeting.gather_of(1)]))
    assert all(b"s3cret" not in message for messages in meeting.rounds for message in messages)


def attacked(forge: Callable[[int, bytes, list[list[bytes]]], bytes]) -> str:
    """What process 0 says when a stranger brings as process 1 what *forge* makes of round, own bytes, and the past."""
    meeting = Meeting(2)
    return outcomes(["s3cret", "guess"], [meeting.gather_of(0), meeting.gather_of(1, forge)])[0]


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_random_numbers_of_another_length_are_refused(length: int) -> None:
    assert "way of joining" in attacked(lambda turn, data, _: bytes(length) if turn == 0 else data)


def test_a_proof_that_was_heard_before_is_worth_nothing() -> None:
    earlier = Meeting(2)
    assert outcomes(["s3cret", "s3cret"], [earlier.gather_of(0), earlier.gather_of(1)]) == ["", ""]
    assert "process 1" in attacked(lambda turn, _data, _past: earlier.rounds[turn][1])


def test_numbers_chosen_like_those_of_the_other_make_no_difference() -> None:
    """Were the rank not in the proof, equal numbers would make equal proofs, and the other's could be given back."""
    assert "process 1" in attacked(lambda turn, data, _: bytes(32) if turn == 0 else b"")


@pytest.mark.parametrize("proof", [b"", bytes(32), bytes(31), b"x" * 1000], ids=["none", "zeros", "short", "long"])
def test_what_is_no_proof_is_refused(proof: bytes) -> None:
    assert "process 1" in attacked(lambda turn, data, _: data if turn == 0 else proof)


def test_a_proof_is_the_hmac_of_all_numbers_and_the_own_rank() -> None:
    meeting = Meeting(2)
    outcomes(["s3cret", "s3cret"], [meeting.gather_of(0), meeting.gather_of(1)])
    numbers, proofs = meeting.rounds
    message = b"atlas-core join 1 of 2 " + numbers[0] + numbers[1]
    assert proofs[1] == hmac.new(b"s3cret", message, hashlib.sha256).digest()
