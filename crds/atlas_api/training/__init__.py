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
    limits         deadlines and retries
    retrain        when a new run starts
    status         what is known about a training

To add an algorithm: a file beside `grpo`, a field in `spec`. To add a cause of runs: a field in `retrain`.
"""
