"""
Proof that each process of a group knows the secret of its attempt, before anything else is exchanged.

Everybody gives a random number, and then the HMAC of all numbers and the own rank. Only whoever knows the secret can
make it, and it fits no other group, process or time. Pure but for the random number: how bytes travel is an argument.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence

from atlas_api.errors import UntrustedPeer
from atlas_api.pods.contract import JOIN_SECRET

_NONCE = 32


def prove(rank: int, secret: str, gather: Callable[[bytes], Sequence[bytes]]) -> None:
    """Prove the *secret* to all processes and let them prove it; *gather* brings bytes of all to all, by rank.

    An empty secret is one as well: processes without any accept each other, and none that has one. Raises UntrustedPeer
    for a process that does not know it, in every process that does.
    """
    numbers = gather(secrets.token_bytes(_NONCE))
    if any(len(number) != _NONCE for number in numbers):
        raise UntrustedPeer("a process that joined as another one does not follow atlas-core's way of joining")
    proofs = gather(_proof(secret, numbers, rank))
    for other, proof in enumerate(proofs):
        if not hmac.compare_digest(proof, _proof(secret, numbers, other)):
            raise UntrustedPeer(
                f"what joined as process {other} does not know the secret of this attempt; it is not of this run, or "
                f"{JOIN_SECRET} differs between the pods"
            )


def _proof(secret: str, numbers: Sequence[bytes], rank: int) -> bytes:
    message = b"atlas-core join %d of %d " % (rank, len(numbers)) + b"".join(numbers)
    return hmac.digest(secret.encode(), message, hashlib.sha256)
