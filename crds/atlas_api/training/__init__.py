"""
AtlasTraining: "a model trained by this recipe on these traces should exist".

    spec           the resource, and what of its spec makes the recipe
    model          the model that is trained
    traces         which recorded sessions are learnt from
    grpo           how: one part an algorithm
    reward         what a good completion is
    evaluation     measuring on held-out tasks
    optimization   the optimizer
    checkpoints    where they go, how many stay
    compute        the training pods
    pod_fields     what users say of pods of any kind: labels, annotations, spread
    limits         deadlines and retries
    retrain        when a new run starts
    status         what is known about a training
    lineage        what is remembered of its earlier runs
    conditions     those facts of a status that hold wherever a run trains

To add an algorithm: a file beside `grpo`, its field in `spec` (with `grpo` then optional, the rule that exactly one is
set, and its answers in `method` and `max_completion_tokens`). To add a cause of runs: a field in `retrain`, its word in
`status.Trigger`. To add a source of traces: a class and a field in `traces`; credentials of it are placement and not
recipe (`spec`). To add a verifier: a class in `reward`, a field of `Verifier`, its name in `KINDS`. After each:
`make crds`.
"""
