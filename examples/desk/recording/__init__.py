"""
Sessions as arc-atlas writes them.

    recorder   visits into the SDK's tables (schema.sql)
    caller     what the desk itself says about a session
    shapes     the JSON that the SDK stores about a session as a whole
    attempts   the same about an attempt at its step
    events     the trajectory events of a visit
    traces     work that leaves traces, batch by batch
    review     which sessions may be learnt from
    postgres   an embedded real Postgres

To add something that the SDK records: its JSON in `shapes`, `attempts` or `events`, its column in `recorder`.
"""
