"""
Requests to the API server over HTTP, as client-go's room of this name: it knows no kind of object.

    api            one request: time limit, retries, errors in words, the API server's clock
    connection     address, credentials, proxy: the sessions of all requests and watches
    reachability   whether the API server answers, said when that changes
"""
