"""
RewardService: pods that score completions, behind one address.

    controller      what the manager has to know: children, reconciliation, metrics
    reconcile       observe, plan, apply, report
    observe         reading of a service and its children
    observed        what was observed
    plan            the plan, pure: what there should be follows from the spec
    preconditions   what has to hold before a spec is served
    rollout         how far the Deployment is
    pending         why not all pods answer
    judges          what pods report of their judges
    conditions display   conditions; columns of `kubectl get`
    served          for trainings: whether a service may be used now
    dependents      for trainings: index of those that wait for a service

The room knows all shared rooms and nothing of `training`.

To add a precondition: a function and its line in `preconditions`. To add a child: its builder in `objects`, and a line
in the plan.
"""
