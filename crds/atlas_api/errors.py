"""
Every way a run can fail that a user can do something about.

    AtlasError                      1
      + InvalidManifest             2   the manifest must change
      + RunActive                   3   another process works on the same training
      + SourceUnreachable          20   database or object store does not answer
      + AccessDenied               21   it answers, and says no
      + SourceMissing              22   file, bucket, object or secret is not there
      + SchemaMismatch             23   the database is not one the SDK wrote
      + MalformedTraces            24   too many unreadable lines
      + JudgeRefused               25   a judge's endpoint says no: key, model, credit, parameter
      + NothingMatched             30   no session passed the filter, or none could be used
      + ZeroSteps                  40   too few prompts for one optimizer step
      + WrongEndToken              41   the chat template ends no turn with a token the model can stop at
      + AllTruncated               42   no completion ever ended by itself
      + FlatReward                 43   no group ever held two different rewards
      + NotFinite                  44   loss or gradient became NaN or infinite
      + NothingScored              45   no verifier could score any completion
      + OutOfMemory                46   host or device memory exhausted
      + CheckpointFailed           47   a checkpoint could not be written or read back
      + WorkerLost                 48   another process of the same attempt is gone
      + DigestMismatch             49   the store holds another checkpoint or dataset than the cluster knows
      + UntrustedPeer              60   what joined as another process of the attempt is none
      + HungUp                    129   SIGHUP, when a terminal is closed
      + Interrupted               130   SIGINT, by Ctrl-C
      + Preempted                 143   SIGTERM

The number is the exit code; those of the last three are what shells have for these signals, and training saves a
checkpoint first. `failure` groups them for retries: the operator tries again after `infrastructure` and `preempted`,
and never after `user` or `data` unless told to.
"""

import signal
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

FailureClass = Literal["infrastructure", "preempted", "user", "data", "outOfMemory"]

INTERRUPTED = 130
"""Exit code of any command after Ctrl-C, as shells have it."""


class AtlasError(Exception):
    """Base of the tree. The message is one line and names the cure."""

    exit_code: ClassVar[int] = 1
    failure: ClassVar[FailureClass] = "user"

    @property
    def reason(self) -> str:
        """CamelCase word for conditions and events: the class name."""
        return type(self).__name__


class InvalidManifest(AtlasError):
    """The manifest must change. `problems` holds one line for each mistake, all found in one go."""

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class RunActive(AtlasError):
    """Another process holds the lock of this training."""

    exit_code = 3


class SourceUnreachable(AtlasError):
    """The database or object store cannot be reached, or hung up and did not come back."""

    exit_code = 20
    failure = "infrastructure"


class AccessDenied(AtlasError):
    """Wrong credentials, or credentials without the right to read or write."""

    exit_code = 21


class SourceMissing(AtlasError):
    """A file, bucket, object, environment variable or secret file that the manifest names is not there."""

    exit_code = 22


class SchemaMismatch(AtlasError):
    """A table or column that the SDK writes is missing."""

    exit_code = 23


class MalformedTraces(AtlasError):
    """More unreadable lines than `spec.traces.maxMalformed` allows."""

    exit_code = 24
    failure = "data"


class JudgeRefused(AtlasError):
    """A judge's endpoint refuses what it is asked: wrong key, unknown model, no credit, an unknown parameter."""

    exit_code = 25


class NothingMatched(AtlasError):
    """No session passed the filter, or every one that passed had to be dropped. The message counts the causes."""

    exit_code = 30
    failure = "data"


class ZeroSteps(AtlasError):
    """The training split is smaller than one optimizer step needs; TRL would return after nothing."""

    exit_code = 40
    failure = "data"


class WrongEndToken(AtlasError):
    """The chat template ends assistant turns with nothing that generation can stop at."""

    exit_code = 41


class AllTruncated(AtlasError):
    """Every completion hit `maxCompletionTokens`: the rewards say nothing about finished answers."""

    exit_code = 42


class FlatReward(AtlasError):
    """All completions of every group scored the same from the start: there is no gradient to follow."""

    exit_code = 43


class NotFinite(AtlasError):
    """Loss or gradient norm is NaN or infinite. The last checkpoint before that is kept."""

    exit_code = 44


class NothingScored(AtlasError):
    """No verifier could give any completion a score."""

    exit_code = 45


class OutOfMemory(AtlasError):
    """Host or device memory is exhausted."""

    exit_code = 46
    failure = "outOfMemory"


class CheckpointFailed(AtlasError):
    """A checkpoint could not be written, or what was read back is not what was written."""

    exit_code = 47
    failure = "infrastructure"


class WorkerLost(AtlasError):
    """Another process of the same attempt ended or became unreachable. Why, it says itself, if it still could."""

    exit_code = 48
    failure = "infrastructure"


class DigestMismatch(AtlasError):
    """The store holds another checkpoint or dataset of the run than was reported: somebody else has written there."""

    exit_code = 49


class UntrustedPeer(AtlasError):
    """
    What joined as another process does not know the attempt's secret, or sends what none of ours sends.

    Somebody else on the network was faster: the next attempt has a secret of its own.
    """

    exit_code = 60
    failure = "infrastructure"


class HungUp(AtlasError):
    """SIGHUP arrived, as when a terminal is closed, and a checkpoint was saved; the next attempt continues from it."""

    exit_code = 129
    failure = "preempted"


class Interrupted(AtlasError):
    """SIGINT arrived, as by Ctrl-C, and a checkpoint was saved; the next attempt continues from it."""

    exit_code = INTERRUPTED
    failure = "preempted"


class Preempted(AtlasError):
    """SIGTERM arrived, and a checkpoint was saved; the next attempt continues from it."""

    exit_code = 143
    failure = "preempted"


STOPPED_BY: Mapping[signal.Signals, type[AtlasError]] = MappingProxyType(
    {signal.SIGHUP: HungUp, signal.SIGINT: Interrupted, signal.SIGTERM: Preempted}
)
"""What ends a run that was asked to end, by the signal that asked."""
