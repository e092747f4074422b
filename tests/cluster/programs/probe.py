"""Asks a server of the cluster over HTTP whether it is ready. Used by every component that has such an address."""

import ssl
import urllib.error
import urllib.request
from pathlib import Path


def body(url: str, authority: Path | None = None) -> str:
    """What a GET answers, without any proxy; https is verified against the certificate `authority`.

    Raises:
        OSError: nobody listens, or the answer is an error.
    """
    context = ssl.create_default_context(cafile=str(authority)) if authority else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=2) as answer:
            text: str = answer.read().decode()
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise
    return text
