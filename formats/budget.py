"""How much a packed file may become: the limits of archives, and of tables that keep a value that comes often once."""

from __future__ import annotations

UNPACKED = 20 << 30  # bytes that a file may unpack to
RATIO = 200  # times its packed size, once it is larger than FREE
FREE = 64 << 20  # bytes


class Refused(Exception):
    """A file that is damaged or beyond a limit: the message says which, `fix` what to do."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.fix = fix


class Budget:
    """What a file of `packed` bytes may still unpack to."""

    def __init__(self, packed: int) -> None:
        self.packed = packed
        self._unpacked = 0

    def spend(self, size: int) -> None:
        """Count `size` more bytes.

        Raises:
            Refused: they are too many.
        """
        self._unpacked += size
        self.check(0)

    def check(self, size: int) -> None:
        """Raise Refused where `size` more bytes would be too many."""
        unpacked = self._unpacked + size
        if unpacked > UNPACKED:
            problem = f"it unpacks to more than {UNPACKED / 2**30:.0f} GB, which is the limit."
            raise Refused(problem, "Unpack it, and upload a part of it.")
        if unpacked > FREE and unpacked > RATIO * self.packed:
            problem = f"it unpacks to more than {RATIO} times its size, which is the limit (an archive bomb?)."
            raise Refused(problem, "Unpack it, and upload the files.")
