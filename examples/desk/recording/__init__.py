"""
Sessions as arc-atlas writes them.

    recorder   visits into the SDK's tables (schema.sql)
    shapes     the JSON that the SDK stores about a session
    events     the trajectory events of a visit
    traces     work that leaves traces, batch by batch
    review     which sessions may be learnt from
    postgres   an embedded real Postgres

To add something that the SDK records: its JSON in `shapes` or `events`, its column in `recorder`.
"""
