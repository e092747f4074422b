"""
Cluster addresses and names on the node: kube-proxy, and CoreDNS as a process of this machine.

node.py starts them once the kubelet runs. Pods ask the address of the Service kube-dns, which leads to the bridge.
"""

import json
from typing import Any

from cluster.components.certificates import NODE, write_kubeconfig
from cluster.kubectl import Kubectl
from cluster.programs import binaries, probe, processes
from cluster.programs.place import BRIDGE_ADDRESS, LOOPBACK, Place
from cluster.real_node.network import POD_RANGE

DNS_ADDRESS = "10.245.0.10"
NODE_PORTS = {"kube-proxy": 18256, "kube-proxy-metrics": 18249, "coredns-health": 18353, "coredns-ready": 18354}

_PORTS = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
_NAMES = f"""
.:53 {{
  bind {BRIDGE_ADDRESS}
  errors
  health {LOOPBACK}:{NODE_PORTS["coredns-health"]}
  ready {LOOPBACK}:{NODE_PORTS["coredns-ready"]}
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig KUBECONFIG
    pods insecure
    ttl 1
  }}
  cache {{
    success 1000 1
    denial 0
  }}
}}
"""


def start_proxy(place: Place) -> None:
    """Start kube-proxy, which makes Services' addresses work, and wait until it has written its rules."""
    configuration = place.configuration / "kube-proxy.json"
    configuration.write_text(json.dumps(_proxy_configuration(place)))
    argv = [str(binaries.path("kube-proxy")), f"--config={configuration}"]
    process = processes.start(place, "kube-proxy", argv)
    url = f"http://{LOOPBACK}:{NODE_PORTS['kube-proxy']}/healthz"
    processes.wait_until("kube-proxy is healthy", lambda: bool(probe.body(url)), process)


def start_dns(place: Place) -> None:
    """Start CoreDNS on the bridge and give it its cluster address; wait until it knows the Services."""
    kubectl = Kubectl(place.kubeconfig, "kube-system")
    for document in _dns_documents():
        kubectl.apply(document)
    kubeconfig = place.configuration / "coredns.kubeconfig"
    # A ServiceAccount's token, so that its own permissions apply.
    token = kubectl.run("create", "token", "coredns", "--duration=24h").strip()
    write_kubeconfig(place, kubeconfig, {"token": token})
    names = place.configuration / "Corefile"
    names.write_text(_NAMES.replace("KUBECONFIG", str(kubeconfig)))
    process = processes.start(place, "coredns", [str(binaries.path("coredns")), "-conf", str(names)])
    url = f"http://{LOOPBACK}:{NODE_PORTS['coredns-ready']}/ready"
    processes.wait_until("CoreDNS is ready", lambda: bool(probe.body(url)), process)


def _proxy_configuration(place: Place) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(place.configuration / "kube-proxy.kubeconfig")},
        "hostnameOverride": NODE,
        "clusterCIDR": POD_RANGE,
        "bindAddress": BRIDGE_ADDRESS,
        "healthzBindAddress": f"{LOOPBACK}:{NODE_PORTS['kube-proxy']}",
        "metricsBindAddress": f"{LOOPBACK}:{NODE_PORTS['kube-proxy-metrics']}",
        "oomScoreAdj": 0,  # a lower one needs CAP_SYS_RESOURCE
        # 0: leave the machine's settings alone
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def _dns_documents() -> list[dict[str, Any]]:
    """Permissions of CoreDNS; and a Service without selector whose only endpoint is the bridge."""
    name = {"name": "coredns", "namespace": "kube-system"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns"}
    watched = [("", ["endpoints", "services", "pods", "namespaces"]), ("discovery.k8s.io", ["endpointslices"])]
    rules = [{"apiGroups": [group], "resources": kinds, "verbs": ["list", "watch"]} for group, kinds in watched]
    service = {"name": "kube-dns", "namespace": "kube-system"}
    labels = {"kubernetes.io/service-name": "kube-dns"}
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": name},
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": "system:coredns"}, "rules": rules},
        {
            "apiVersion": rbac,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "system:coredns"},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", **name}],
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service,
            "spec": {"clusterIP": DNS_ADDRESS, "ports": _PORTS},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "kube-dns-bridge", "namespace": "kube-system", "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [BRIDGE_ADDRESS], "conditions": {"ready": True}}],
            "ports": _PORTS,
        },
    ]
