"""
The processes that train together: who this one is, and what they agree on.

Made by `__main__` from the variables that torch's processes find each other by; alone on a laptop. Questions of control
travel in a group of their own (gloo, CPU): waiting for the first process has its own patience, and a process that dies
is noticed at once. Knows nothing of what is trained.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Thread
from typing import Any, Self, TypeVar

from atlas_api import InvalidManifest
from atlas_api.errors import AtlasError, WorkerLost
from atlas_api.pods.contract import LOCAL_RANK, RANK, WORLD_SIZE

T = TypeVar("T")

JOIN_SECONDS = 900
"""For all to be there: images are pulled minutes apart, and a pod's name is known only once it is ready.

Also for one exchange of gradients or completions, after which a peer that has vanished without a word counts as lost.
"""

FIRST_SECONDS = 3600
"""For what the first process does alone: reading the source, evaluating, saving."""


@dataclass(slots=True)
class World:
    """One of *size* processes; *rank* counts them all, *local_rank* those of this pod."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    _control: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """What the variables say. Raises `InvalidManifest` for those that make no sense."""
        try:
            rank, size = int(environment.get(RANK, "0")), int(environment.get(WORLD_SIZE, "1"))
            local = int(environment.get(LOCAL_RANK, "0"))
        except ValueError:
            raise InvalidManifest([f"{RANK}, {WORLD_SIZE} and {LOCAL_RANK} must be whole numbers"]) from None
        if not 0 <= local <= rank < size:
            raise InvalidManifest([f"{RANK} {rank}, {WORLD_SIZE} {size} and {LOCAL_RANK} {local} do not fit together"])
        return cls(rank, size, local)

    @property
    def is_first(self) -> bool:
        """Whether this process reads, evaluates, saves and reports."""
        return self.rank == 0

    @property
    def host_rank(self) -> int:
        """Rank of the first process of this pod."""
        return self.rank - self.local_rank

    def join(self) -> None:
        """Meet the others. Raises what torch raises when they do not come."""
        if self.size == 1:
            return
        import torch

        # accelerate looks for these to see that it is not alone.
        os.environ.setdefault(LOCAL_RANK, str(self.local_rank))
        os.environ.setdefault("LOCAL_WORLD_SIZE", "1")
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(self.local_rank)
        else:
            # It would say cpu:0, which torch.load does not know when an optimizer is restored.
            os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
        # torch waits where no signal handler runs; a thread may wait there while this one can still be stopped.
        met: Future[None] = Future()
        Thread(target=self._meet, args=("nccl" if on_gpu else "gloo", met), daemon=True).start()
        met.result()

    def _meet(self, backend: str, met: "Future[None]") -> None:
        from torch import distributed

        try:
            distributed.init_process_group(backend, timeout=timedelta(seconds=JOIN_SECONDS))
            self._control = distributed.new_group(backend="gloo", timeout=timedelta(seconds=FIRST_SECONDS))
        except BaseException as error:
            met.set_exception(error)
        else:
            met.set_result(None)

    def from_first(self, work: Callable[[], T]) -> T:
        """What *work* returns in the first process, in every process; the others only wait.

        What it raises there ends the others with `WorkerLost`.
        """
        if self.size == 1:
            return work()
        if self.is_first:
            return self._shared(work)
        value, ended_by = self._broadcast(None)
        if ended_by is not None:
            raise WorkerLost(f"the first process ended the attempt ({ended_by}); its own report says why")
        result: T = value
        return result

    def gather(self, value: T) -> list[T]:
        """The *value* of every process, by rank."""
        if self.size == 1:
            return [value]
        from torch import distributed

        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value, group=self._control)
        return values

    def any(self, flag: bool) -> bool:
        """Whether *flag* is set in any process."""
        return any(self.gather(flag))

    def _shared(self, work: Callable[[], T]) -> T:
        try:
            value = work()
        except BaseException as error:
            # When the others are gone as well, the error here says more than that.
            with suppress(RuntimeError):
                self._broadcast((None, error.reason if isinstance(error, AtlasError) else type(error).__name__))
            raise
        self._broadcast((value, None))
        return value

    def _broadcast(self, outcome: tuple[Any, str | None] | None) -> tuple[Any, str | None]:
        from torch import distributed

        box: list[Any] = [outcome]
        distributed.broadcast_object_list(box, src=0, group=self._control)
        shared: tuple[Any, str | None] = box[0]
        return shared
