"""
AtlasTraining: runs of a recipe, one after the other, each of one or several attempts.

    controller      what the manager has to know: children, reconciliation, metrics
    reconcile       observe, plan, apply, report
    observe         reading of a training and its children
    observed        what was observed
    plan            the plan: all behaviour starts here, and it is pure
    context         reconcile context: what was observed and decided so far
    triggers/       the causes of a run, an ordered list
    lifecycle/      start, advance, finish
    preconditions   what has to hold before a run starts
    attempt         the newest attempt as it was observed
    deadlines backoff   how long an attempt may take; how long to wait before the next
    recovery        a status that was lost, from the children
    history cleanup     earlier runs; garbage collection of children
    conditions display  conditions and phase; columns of `kubectl get`

The room knows all shared rooms, and of `rewardservice` only `served` (may it be used?) and `dependents` (who waits?).

To add a cause of a run: `triggers`. To add a precondition: a function and its line in `preconditions`. To add a
condition: `conditions`, from `Facts`.
"""
