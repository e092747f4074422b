"""
Client of a scoring service elsewhere: the same results as `scorer`, over HTTP.

    reward_client      asks the service; waits out its outages
    batching           which items go into one request
    service_answer     one answer, read within a budget
    service_settings   what the service says of its limits
    service_address    what its address may be

Knows `wire`, modules beside the folders, and of `llm` how retries wait; nothing of judges and of the server.

To add what a client must know of a service: a field in `service_settings`, which the service shows at `/v1/config`.
"""
