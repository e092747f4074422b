"""
The operator: AtlasTraining objects become training jobs, RewardServices become Deployments, and their status tells how
that goes.

    command         the command `atlas-operator`, also where its packages are missing
    main            reads the command line, connects the parts and ends them in order
    training/       AtlasTraining: what is observed becomes a plan, a plan becomes changes
    rewardservice/  RewardService: the same
    controller/     manager, watches, work queue, leader election, probes, metrics: knows no kind
    failures/       failure classification: why a pod, an attempt ended
    pending/        pending reasons: why a pod, an attempt does not run yet
    reports/        what pods report, believed only as far as it can be checked
    backends/       the kinds of jobs that an attempt can be
    objects/        builders of the objects that are created
    cluster/        the API server: client, kinds, fields, ownership, events
    status/         events and preconditions, as all kinds tell them
    settings        what the command line decides

Rooms know those below them; import-linter checks it (pyproject.toml), and that what decides or builds never reaches the
API client: `reconcile` observes, a pure `plan` decides, `reconcile` carries out.

To add a kind: a room beside `rewardservice` with observe, plan, reconcile and a controller, its label in
`cluster.labels`, its names in `cluster.kinds`, its rights in operator/rbac*.yaml, and one line in `main`.
"""
