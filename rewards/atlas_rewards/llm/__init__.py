"""
Language models over HTTP, as reliable as they let it be. Knows nothing of judges.

    client            asks a model: every mechanism below in its order; `llm_client_for` makes it
    answer            what comes of it: an answer, or why there is none
    single_flight     identical requests at the same time share one answer
    cache             answers that are remembered in memory (LRU); below it `cache_file`, SQLite for several processes
    circuit_breaker   an endpoint that only fails is left alone
    rate_limit        calls of a minute, tokens of an hour
    fair_semaphore    places for work, shared fairly between batches
    retries           when a failed call is made again
    hedging           a second request when the first takes long
    model_calls       single calls of one model: admitted, timed, counted (`statistics`)
    endpoint          one address over HTTP; what is sent and read there: `chat_completion`

Knows no other room, only modules beside the folders.

To add a mechanism: a file here that decides without HTTP, its place on the way in `client`, its settings in
`atlas_api.rewardservice.judging`. To add a protocol: a module beside `chat_completion`, and the choice in `endpoint`.
"""
