"""What a pod finds where: agreed between the operator, which makes it, and the trainer or reward service inside."""

from atlas_api.names import short_name
from atlas_api.training.compute import Compute

RUN_FILE = "/etc/atlas/run.json"
"""The `TrainingRun`, mounted from the run's ConfigMap."""

CHECKPOINT_MOUNT = "/var/lib/atlas/checkpoints"
"""Where the claim of `checkpoints.volume` is mounted."""

TERMINATION_FILE = "/dev/termination-log"
"""Where a pod leaves a `RunReport` of at most 4096 bytes when it ends, also when the API server is away.

Rank 0 always does. Another pod does when it fails first, for a reason of its own: it then knows better than rank 0,
which only says `WorkerLost`.
"""

TERMINATION_LIMIT = 4096

ATTEMPT = "ATLAS_ATTEMPT"
"""Number of the attempt: run.json is the same for all attempts of a run."""

KNOWN_CHECKPOINTS = "ATLAS_KNOWN_CHECKPOINTS"
"""Checkpoints that earlier attempts of the run have reported: `<step>:<sha256>` of each, separated by commas.

An attempt resumes from one of them or from the beginning. Empty: none was reported. Not set without a cluster.
"""

KNOWN_DATASET = "ATLAS_KNOWN_DATASET"
"""Digest of the dataset that earlier attempts of the run have reported. Not set before one has."""

PROGRESS = "ATLAS_PROGRESS"
"""`namespace/name` of the ConfigMap that rank 0 patches with its report. Not set without a cluster."""

REPORT_KEY = "report"
"""Key of the report, a `RunReport` as JSON, in the ConfigMap that `ATLAS_PROGRESS` names."""

REPORT_AS = "ATLAS_REPORT_AS"
"""Key in place of `report`: the pods of a reward service, which share a ConfigMap, each have their own name's.

There it is a `JudgesReport`.
"""

TRACES_URL = "ATLAS_TRACES_URL"
"""Value of `traces.postgres.urlFrom.secretKeyRef`."""

TRACES_S3 = "ATLAS_TRACES_"
CHECKPOINTS_S3 = "ATLAS_CHECKPOINTS_"
"""Prefixes of `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of a `secretRef`."""

AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

DISTRIBUTED_PORT = 29400
"""Port on worker 0 where the workers meet."""

GRACE_SECONDS = 600
"""Grace period of the pods, longer than a checkpoint takes. Those that are done leave at once."""

LAUNCHER_GRACE_SECONDS = 570
"""How long torchrun waits for the processes of its pod after SIGTERM before it kills them."""

RANK = "RANK"
WORLD_SIZE = "WORLD_SIZE"
LOCAL_RANK = "LOCAL_RANK"
MASTER_ADDR = "MASTER_ADDR"
MASTER_PORT = "MASTER_PORT"
"""The variables by which torch's processes find each other; torchrun sets them for the processes that it starts."""

JOIN_SECRET = "ATLAS_JOIN_SECRET"  # noqa: S105 - the name of a variable
"""What the processes of one attempt prove to each other that they know. Set where several train together."""

WORKER_INDEX = "ATLAS_WORKER"
"""Number of the pod among the workers, from 0. Not set where there is only one."""

REWARD_SERVICE_FILE = "/etc/atlas/rewardservice.yaml"
"""The RewardService that a reward service serves, mounted from a ConfigMap."""

REWARDS_PORT = 8080
"""Port where a reward service listens."""

SMALL_JUDGE_KEY = "ATLAS_SMALL_JUDGE_KEY"
LARGE_JUDGE_KEY = "ATLAS_LARGE_JUDGE_KEY"
"""Values of `models.small.apiKeyFrom.secretKeyRef` and `models.large.apiKeyFrom.secretKeyRef`."""

REWARDS_TOKEN = "ATLAS_REWARDS_TOKEN"  # noqa: S105 - the name of a variable
"""Value of `tokenFrom.secretKeyRef`."""

ALLOW_CODE = "ATLAS_ALLOW_CODE"
"""1 lets the process that scores run completions as code (verifier `code`). No manifest can set it."""

REWARD_TOKEN = "ATLAS_REWARD_TOKEN"  # noqa: S105 - the name of a variable
"""Value of `reward.serviceRef.tokenFrom.secretKeyRef` in training pods."""


SECRET_VARIABLES = (
    TRACES_URL,
    REWARD_TOKEN,
    JOIN_SECRET,
    *(f"{prefix}{key}" for prefix in (TRACES_S3, CHECKPOINTS_S3) for key in AWS_KEYS),
)
"""Variables of training pods that hold secrets: their values are redacted in everything that a pod reports."""


def rewards_name(service: str) -> str:
    """Name of the Service, the Deployment and the account of a RewardService: none that somebody else has given."""
    return f"{short_name(service)}-rewards"


def reward_service_url(name: str, namespace: str) -> str:
    """Where the pods of a RewardService are reached inside the cluster."""
    return f"http://{rewards_name(name)}.{namespace}.svc:{REWARDS_PORT}"


def launch_command(compute: Compute) -> list[str]:
    """Command of the trainer's container.

    One process a pod is started as it is, so that its exit code and signals are its own. Several are started by
    torchrun with fixed ranks. The variables that it names are set by what makes the pods.
    """
    if compute.gpus_per_worker <= 1:
        return ["python", "-m", "atlas_trainer"]
    index, meeting = (f"$({WORKER_INDEX})", f"$({MASTER_ADDR})") if compute.workers > 1 else ("0", "127.0.0.1")
    return [
        *("python", "-m", "torch.distributed.run"),
        f"--nnodes={compute.workers}",
        f"--nproc-per-node={compute.gpus_per_worker}",
        f"--node-rank={index}",
        "--rdzv-backend=static",
        f"--rdzv-endpoint={meeting}:{DISTRIBUTED_PORT}",
        f"--master-addr={meeting}",
        f"--master-port={DISTRIBUTED_PORT}",
        "--max-restarts=0",
        f"--shutdown-timeout={LAUNCHER_GRACE_SECONDS}",
        *("-m", "atlas_trainer"),
    ]
