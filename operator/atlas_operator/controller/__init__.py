"""
The machinery that runs reconciliations, after controller-runtime and client-go. It knows no kind of object.

    manager         everything together: watches and resync fill the work queue, workers empty it
    controller      what the manager has to know of a kind
    workqueue       work queue: de-duplicated keys for N workers, delaying, rate-limited: a key once a second at most
    delaying_queue  its timing, pure
    watch           watches that are kept going, for the kinds that the API server knows
    kopf_source     kopf as the source of changes
    watch_health    whether the watches are alive
    leader          leader election by a Lease
    health          probes and metrics over HTTP
    metrics         metrics of all kinds; gauge of objects by state
    logs            log lines as JSON, with the object that they are about

The room knows `cluster`, and nothing of the rooms that decide.

To add a metric of all kinds: `metrics`. One of a single kind belongs to the `controller` of its room.
"""
