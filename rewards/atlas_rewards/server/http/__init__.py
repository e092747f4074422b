"""
The HTTP interface of the scoring service. What happens to items behind it is `score_source`'s business.

    application            addresses, and who answers them
    scoring_endpoint       `POST /v1/score`
    body                   reads a body within limits of size, time and nesting
    http_protocol          the same for what comes before, between and behind bodies
    connections            how many clients there may be, and who goes when there are more
    auth                   who may call
    admission              load shedding: how many items are held
    disconnect             cancels work whose client has gone
    draining               sends clients away before a shutdown
    request_error          a request that gets no results, and its answer
    public_configuration   what of the configuration may be shown
    openapi                the description of all this

`page.html` is the page at `/`. To add a check of requests: a file here that raises `RequestError`, called by
`scoring_endpoint` or `application` before anything costs time.
"""
