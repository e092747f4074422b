"""
The scoring service: judges and verifiers behind an HTTP address.

    command           the command `atlas-rewards`, also where its packages are missing
    main              reads the command line
    server            connects the parts, serves, shuts down gracefully
    http/             the HTTP interface: requests in, answers out
    reload            watches the configuration file
    generation        one configuration at work, replaced without losing a request
    score_source      where scores come from: the library's scorer
    probe             whether the service can score (`/readyz`)
    judge_record      how each judge did lately
    operator_report   tells the operator so
    metrics logs      what is counted, and what is logged
    secret_files      files with secrets, and whether they changed
    background        work beside the answering of requests

Knows `scorer`, what `llm` counts, and `wire`; nobody imports it.

To add an address: its handler in `http/application`, its description in `http/openapi`. To add a metric: `metrics`, and
the list in docs/how-to/rewards.md.
"""
