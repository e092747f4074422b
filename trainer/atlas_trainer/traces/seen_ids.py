"""The ids that a source has already given out, small in memory."""

from hashlib import blake2b

_PAGE_BITS = 12


def is_row_number(id: str) -> bool:
    """Whether this is an integer as a database writes it: no sign, no leading zero, at most 64 bits."""
    return id.isascii() and id.isdigit() and len(id) < len(str(2**63)) and str(int(id)) == id


class SeenIds:
    """A set of ids, small in memory: row numbers, which lie close together, take about a bit each."""

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}
        self._digests: set[bytes] = set()

    def add(self, id: str) -> bool:
        """Remember an id. True when it is new."""
        if is_row_number(id):
            return self._add_number(int(id))
        digest = _digest(id)
        new = digest not in self._digests
        self._digests.add(digest)
        return new

    def __contains__(self, id: str) -> bool:
        if is_row_number(id):
            return bool(self._pages.get(int(id) >> _PAGE_BITS, 0) & 1 << (int(id) & ((1 << _PAGE_BITS) - 1)))
        return _digest(id) in self._digests

    def _add_number(self, number: int) -> bool:
        page, bit = number >> _PAGE_BITS, 1 << (number & ((1 << _PAGE_BITS) - 1))
        present = self._pages.get(page, 0)
        self._pages[page] = present | bit
        return not present & bit


def _digest(id: str) -> bytes:
    return blake2b(id.encode(), digest_size=16).digest()
