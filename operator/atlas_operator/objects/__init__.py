"""
Builders of the objects that the operator creates. Pure: documents in, documents out.

    names              names of objects, deterministic
    metadata           what all children share: owner, labels, the account of pods that report
    run                a run: run.json, progress, account, NetworkPolicy
    training_pod       pods of an attempt, for any backend; parts for all pods
    join_secret        what the processes of an attempt prove to each other that they know
    rewardservice      a RewardService: configuration, Deployment, Service, PodDisruptionBudget
    rewardservice_pod  pods of a RewardService

Jobs are built in `backends`. The room knows the documents and labels of `cluster`, and `status`.

To add an object: a function in the file of its owner, its kind in `cluster.kinds`, and its rights in
operator/rbac*.yaml; the plan of its owner creates it.
"""
