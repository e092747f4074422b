"""
The node's network: a bridge for the pods, how pods are joined to it, and a rule that keeps them on this machine.

node.py calls it. Services and names are not here: see services.py.
"""

import json
from pathlib import Path

from cluster.programs.commands import attempt, run
from cluster.programs.place import BRIDGE_ADDRESS

BRIDGE = "atl0"
POD_RANGE = "10.244.0.0/24"
NETWORK = "atlas-node"
"""Name of the pods' network; files of the CNI plugins begin with it."""
PLUGINS = Path("/usr/lib/cni")
SETTINGS = {"/proc/sys/net/ipv4/ip_forward": "1", "/proc/sys/net/bridge/bridge-nf-call-iptables": "1"}
"""Pods reach each other's Services only if what crosses the bridge also passes the kernel's packet filter."""

_TABLE = "atlas-node"
_FIRST_POD_ADDRESS = "10.244.0.10"
_RULES = f"""
table inet {_TABLE} {{
  chain forward {{
    type filter hook forward priority -10
    iifname "{BRIDGE}" oifname != "{BRIDGE}" reject
    iifname != "{BRIDGE}" oifname "{BRIDGE}" drop
  }}
}}
"""


def make_bridge() -> None:
    """Make the bridge with its address. Pods reach each other and this machine, nothing beyond it."""
    run("nft", "-f", "-", text=_RULES)
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{BRIDGE_ADDRESS}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    for setting, value in SETTINGS.items():
        Path(setting).write_text(value)


def remove_bridge() -> None:
    """Remove the bridge and all packet rules, those of kube-proxy as well."""
    # A pod's link outlives the pod where another process still sees its namespace.
    for link in (Path("/sys/class/net") / BRIDGE / "brif").glob("*"):
        attempt("ip", "link", "delete", link.name)
    attempt("ip", "link", "delete", BRIDGE)
    for table in (["inet", _TABLE], ["ip", "kube-proxy"], ["ip6", "kube-proxy"]):
        attempt("nft", "delete", "table", *table)


def write_pod_network(folder: Path, addresses: Path) -> None:
    """Write the CNI configuration into `folder`; addresses in use are noted in `addresses`."""
    routes = [{"dst": "0.0.0.0/0"}]
    ranges = [[{"subnet": POD_RANGE, "rangeStart": _FIRST_POD_ADDRESS}]]
    allocation = {"type": "host-local", "dataDir": str(addresses), "ranges": ranges, "routes": routes}
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "ipMasq": False, "hairpinMode": True}
    network = {"cniVersion": "0.4.0", "name": NETWORK, "plugins": [{**bridge, "ipam": allocation}]}
    folder.mkdir(parents=True)
    (folder / "network.conflist").write_text(json.dumps(network))
