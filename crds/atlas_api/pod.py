"""What a training pod finds where: agreed between the operator, which makes the pod, and the trainer inside."""

RUN_FILE = "/etc/atlas/run.json"
"""The `TrainingRun`, mounted from the run's ConfigMap."""

CHECKPOINT_MOUNT = "/var/lib/atlas/checkpoints"
"""Where the claim of `checkpoints.volume` is mounted."""

TERMINATION_FILE = "/dev/termination-log"
"""Where rank 0 leaves a `RunReport` of at most 4096 bytes when it ends, also when the API server is away."""

TERMINATION_LIMIT = 4096

ATTEMPT = "ATLAS_ATTEMPT"
"""Number of the attempt: run.json is the same for all attempts of a run."""

PROGRESS = "ATLAS_PROGRESS"
"""`namespace/name` of the ConfigMap that rank 0 patches with its report. Not set without a cluster."""

REPORT_KEY = "report"
"""Key in that ConfigMap: a `RunReport` as JSON."""

TRACES_URL = "ATLAS_TRACES_URL"
"""Value of `traces.postgres.urlFrom.secretKeyRef`."""

TRACES_S3 = "ATLAS_TRACES_"
CHECKPOINTS_S3 = "ATLAS_CHECKPOINTS_"
"""Prefixes of `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of a `secretRef`."""

AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

DISTRIBUTED_PORT = 29400
"""Port on worker 0 where the workers meet."""
