"""Proxies as Go's programs choose them: environment, address, proxy. Written by hand from the documentation of
golang.org/x/net/http/httpproxy; `tests/control_plane/network/test_proxies.py` asks Go itself."""

PROXY = "http://proxy.example.com:3128"
DIRECT = None

Row = tuple[dict[str, str], str, str | None]


def exempting(no_proxy: str) -> dict[str, str]:
    return {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "NO_PROXY": no_proxy}


WHICH: list[Row] = [
    ({}, "https://api.example.com", DIRECT),
    ({"HTTPS_PROXY": PROXY}, "https://api.example.com", PROXY),
    ({"HTTPS_PROXY": PROXY}, "http://api.example.com", DIRECT),
    ({"HTTP_PROXY": PROXY}, "http://api.example.com", PROXY),
    ({"HTTP_PROXY": PROXY}, "https://api.example.com", DIRECT),
    ({"https_proxy": PROXY}, "https://api.example.com", PROXY),
    ({"https_proxy": "", "HTTPS_PROXY": PROXY}, "https://api.example.com", PROXY),
    ({"ALL_PROXY": PROXY}, "https://api.example.com", DIRECT),
    ({"HTTPS_PROXY": "proxy.example.com:3128"}, "https://api.example.com", PROXY),
    ({"HTTPS_PROXY": "10.9.8.7:3128"}, "https://api.example.com", "http://10.9.8.7:3128"),
    ({"HTTPS_PROXY": "me:hidden@proxy:3128"}, "https://api.example.com", "http://me:hidden@proxy:3128"),
    ({"HTTPS_PROXY": "https://proxy:443"}, "https://api.example.com", "https://proxy:443"),
    ({"HTTPS_PROXY": PROXY}, "https://localhost:6443", DIRECT),
    ({"HTTPS_PROXY": PROXY}, "https://127.0.0.1:6443", DIRECT),
    ({"HTTPS_PROXY": PROXY}, "https://127.250.0.9", DIRECT),
    ({"HTTPS_PROXY": PROXY}, "https://[::1]:6443", DIRECT),
    ({"HTTPS_PROXY": PROXY}, "https://[::ffff:127.0.0.1]", DIRECT),
    ({"HTTPS_PROXY": PROXY}, "https://localhost.example.com", PROXY),
    ({"HTTPS_PROXY": PROXY}, "https://128.0.0.1", PROXY),
]

NO_PROXY = [
    # names
    ("example.com", "https://example.com", DIRECT),
    ("example.com", "https://api.example.com", DIRECT),
    ("example.com", "https://notexample.com", PROXY),
    ("example.com", "https://example.com.evil.org", PROXY),
    (".example.com", "https://api.example.com", DIRECT),
    (".example.com", "https://a.b.example.com", DIRECT),
    (".example.com", "https://example.com", PROXY),
    ("*.example.com", "https://api.example.com", DIRECT),
    ("*.example.com", "https://example.com", PROXY),
    ("EXAMPLE.com", "https://API.Example.COM", DIRECT),
    ("api.*.com", "https://api.example.com", PROXY),
    ("example", "https://example", DIRECT),
    (".svc,.cluster.local,127.0.0.0/8", "https://kubernetes.default.svc", DIRECT),
    (".svc,.cluster.local", "https://kubernetes.default.svc.cluster.local:443", DIRECT),
    (".svc", "https://svc", PROXY),
    (".svc", "https://kubernetes.default.svc.", PROXY),
    ("kubernetes.default.svc", "https://kubernetes.default.svc:6443", DIRECT),
    # ports
    ("example.com:443", "https://example.com", DIRECT),
    ("example.com:443", "https://example.com:6443", PROXY),
    ("example.com:6443", "https://api.example.com:6443", DIRECT),
    ("example.com:80", "http://example.com", DIRECT),
    ("example.com:", "https://example.com:6443", DIRECT),
    ("example.com:https", "https://example.com", PROXY),
    (":443", "https://example.com", PROXY),
    ("10.0.0.1:6443", "https://10.0.0.1:6443", DIRECT),
    ("10.0.0.1:6443", "https://10.0.0.1", PROXY),
    # addresses
    ("10.0.0.1", "https://10.0.0.1:6443", DIRECT),
    ("10.0.0.1", "https://10.0.0.10", PROXY),
    ("10.0.0", "https://10.0.0.1", PROXY),
    (".0.0.1", "https://10.0.0.1", PROXY),
    ("10.0.0.1", "https://a.10.0.0.1.example.com", PROXY),
    ("2001:db8::1", "https://[2001:db8::1]:6443", DIRECT),
    ("2001:db8:0:0::1", "https://[2001:db8::1]", DIRECT),
    ("[2001:db8::1]", "https://[2001:db8::1]", PROXY),
    ("[2001:db8::1]:6443", "https://[2001:db8::1]:6443", DIRECT),
    ("[2001:db8::1]:6443", "https://[2001:db8::1]", PROXY),
    ("10.0.0.1", "https://[::ffff:10.0.0.1]", DIRECT),
    ("::ffff:10.0.0.1", "https://10.0.0.1", DIRECT),
    # networks
    ("10.0.0.0/8", "https://10.96.0.1:443", DIRECT),
    ("10.0.0.0/8", "https://11.0.0.1", PROXY),
    ("10.1.2.3/8", "https://10.200.0.1", DIRECT),
    ("10.0.0.0/8:443", "https://10.0.0.1", PROXY),
    ("10.0.0.0/255.0.0.0", "https://10.0.0.1", PROXY),
    ("10.0.0.0/33", "https://10.0.0.1", PROXY),
    ("10.0.0.0/8", "https://10.example.com", PROXY),
    ("0.0.0.0/0", "https://10.0.0.1", DIRECT),
    ("0.0.0.0/0", "https://[2001:db8::1]", PROXY),
    ("0.0.0.0/0", "https://api.example.com", PROXY),
    ("2001:db8::/32", "https://[2001:db8:1::1]", DIRECT),
    ("2001:db8::/32", "https://[2001:db9::1]", PROXY),
    ("::/0", "https://10.0.0.1", PROXY),
    ("10.0.0.0/8", "https://[::ffff:10.0.0.1]", DIRECT),
    ("::ffff:10.0.0.0/104", "https://10.0.0.1", DIRECT),
    # everything, lists, noise
    ("*", "https://api.example.com", DIRECT),
    ("*", "https://10.0.0.1", DIRECT),
    ("a.com,*,b.com", "https://api.example.com", DIRECT),
    ("*:443", "https://api.example.com", PROXY),
    ("a.com, example.com ,b.com", "https://example.com", DIRECT),
    (",, ,", "https://example.com", PROXY),
    ("", "https://example.com", PROXY),
    ("a.com example.com", "https://example.com", PROXY),
    ("https://example.com", "https://example.com", PROXY),
    ("example.com/path", "https://example.com", PROXY),
    ("bücher.example", "https://xn--bcher-kva.example", DIRECT),
]

ROWS: list[Row] = WHICH + [(exempting(no_proxy), url, proxy) for no_proxy, url, proxy in NO_PROXY]
