"""
The process group of one attempt: rank and size of this process, and what all of them agree on.

Ranks come from the variables that torch's processes find each other by; on a laptop one process is alone. Rank 0 is the
main process: it reads, evaluates, saves and reports while the others wait. Questions of control travel in a group of
their own (gloo, CPU): waiting for the main process has its own patience, and a process that dies is noticed at once.
What travels is JSON or plain bytes, once every process has proved that it knows the attempt's secret. Knows nothing of
what is trained.
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
from atlas_api.errors import AtlasError, UntrustedPeer, WorkerLost
from atlas_api.pods.contract import JOIN_SECRET, LOCAL_RANK, RANK, WORLD_SIZE
from atlas_trainer.distributed import exchange
from atlas_trainer.distributed.exchange import Json
from atlas_trainer.distributed.object_collectives import carry_json
from atlas_trainer.distributed.proof import prove

T = TypeVar("T")

JOIN_SECONDS = 900
"""Time for all processes to be there: images are pulled minutes apart, and a pod's name is known once it is ready.

Also the time for one exchange of gradients or completions, after which a peer that has vanished counts as lost.
"""

MAIN_SECONDS = 3600
"""Time for what the main process does alone: reading the source, evaluating, saving."""


@dataclass(slots=True)
class ProcessGroup:
    """The group as one of its *size* processes sees it: *rank* counts them all, *local_rank* those of this pod."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    secret: str = field(default="", repr=False)
    """What all processes of the attempt know and nobody else does. Empty where there is none."""

    _control_group: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The group that the variables describe. Raises `InvalidManifest` for those that make no sense."""
        try:
            rank, size = int(environment.get(RANK, "0")), int(environment.get(WORLD_SIZE, "1"))
            local = int(environment.get(LOCAL_RANK, "0"))
        except ValueError:
            raise InvalidManifest([f"{RANK}, {WORLD_SIZE} and {LOCAL_RANK} must be whole numbers"]) from None
        if not 0 <= local <= rank < size:
            raise InvalidManifest([f"{RANK} {rank}, {WORLD_SIZE} {size} and {LOCAL_RANK} {local} do not fit together"])
        return cls(rank, size, local, environment.get(JOIN_SECRET, ""))

    @property
    def is_main(self) -> bool:
        """Whether this is the main process, which reads, evaluates, saves and reports."""
        return self.rank == 0

    @property
    def host_rank(self) -> int:
        """Rank of the first process of this pod."""
        return self.rank - self.local_rank

    def join(self) -> None:
        """
        Wait for the other processes, and have each prove that it is one.

        Raises what torch raises when they do not come, and `UntrustedPeer` when somebody else came.
        """
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
        joined: Future[None] = Future()
        Thread(target=self._init_groups, args=("nccl" if on_gpu else "gloo", joined), daemon=True).start()
        joined.result()

    def _init_groups(self, backend: str, joined: "Future[None]") -> None:
        from torch import distributed

        try:
            carry_json()
            distributed.init_process_group(backend, timeout=timedelta(seconds=JOIN_SECONDS))
            # First where patience is short: a stranger might say nothing.
            device = f"cuda:{self.local_rank}" if backend == "nccl" else "cpu"
            prove(self.rank, self.secret, lambda data: exchange.gather(data, None, device))
            self._control_group = distributed.new_group(backend="gloo", timeout=timedelta(seconds=MAIN_SECONDS))
            prove(self.rank, self.secret, self.gather_bytes)
        except BaseException as error:
            joined.set_exception(error)
        else:
            joined.set_result(None)

    def from_main(self, work: Callable[[], T]) -> T:
        """Do *work* in the main process alone and give what it returns, a `Json`, to every process; they only wait.

        What it raises there ends the others with `WorkerLost`. Raises `UntrustedPeer` for a message that is none.
        """
        if self.size == 1:
            return work()
        if self.is_main:
            return self._work_and_share(work)
        message = exchange.decode(exchange.from_first(None, self._control_group), "process 0")
        match message:
            case {"value": value}:
                result: T = value
                return result
            case {"endedBy": str(ended_by)}:
                raise WorkerLost(f"the first process ended the attempt ({ended_by}); its own report says why")
        raise UntrustedPeer("process 0 sent a message that is none of atlas-core")

    def in_main(self, work: Callable[[], T]) -> T | None:
        """Do *work* in the main process alone, which keeps the result. None in the others, which wait."""
        kept: list[T] = []
        self.from_main(lambda: kept.append(work()))
        return kept[0] if kept else None

    def gather(self, value: Json) -> list[Any]:
        """Collect the *value* of every process, by rank. Raises `UntrustedPeer` for a message that is no JSON."""
        if self.size == 1:
            return [value]
        messages = enumerate(self.gather_bytes(exchange.encode(value)))
        return [exchange.decode(message, f"process {rank}") for rank, message in messages]

    def gather_bytes(self, data: bytes) -> list[bytes]:
        """Collect the *data* of every process, by rank, as they are. Raises `UntrustedPeer` for too many of them."""
        return [data] if self.size == 1 else exchange.gather(data, self._control_group)

    def any(self, flag: bool) -> bool:
        """Whether *flag* is set in any process."""
        return any(self.gather(flag))

    def _work_and_share(self, work: Callable[[], T]) -> T:
        try:
            value = work()
            message = exchange.encode({"value": value})  # type: ignore[dict-item]  # what is no JSON raises
        except BaseException as error:
            # When the others are gone as well, the error here says more than that.
            with suppress(RuntimeError):
                ended_by = error.reason if isinstance(error, AtlasError) else type(error).__name__
                exchange.from_first(exchange.encode({"endedBy": ended_by}), self._control_group)
            raise
        exchange.from_first(message, self._control_group)
        return value
