"""Brings a whole test cluster up and down: control plane, training-operator, and simulated nodes or one real node.

Called by `python -m cluster` (`__main__.py`) and by the fixtures. It knows the order; each component is a module.

The boundary to a real node (`node.py`), which only clusters with `--node` have, at most one of them a machine:

    node.prepare(place)   before the control plane: the bridge with `place.address`, the node's own checks and locks
    node.up(place)        after the control plane is ready; returns when the node is Ready
    node.down(place)      before the control plane stops, and also for a cluster whose processes are already dead

What the node finds in its `place` (see place.py) after `prepare`:

    place.kubeconfig                                        the administrator's
    place.configuration / "kubelet.kubeconfig"              user system:node:node-1
    place.configuration / "kube-proxy.kubeconfig"           user system:kube-proxy
    place.certificates / "kubelet-server.crt" and ".key"    for the names node-1, 127.0.0.1 and the bridge's address
    place.certificates / "ca.crt"

    binaries.path("kubelet") -> Path                        found in the cache, or built
    processes.start(place, name, argv, environment={}) -> Process   its log is place.logs / f"{name}.log"
    processes.wait_until(what, condition, process=None, seconds=60) -> float   seconds it took; fails with the log's end
    processes.stop(place, name, seconds=20)                 SIGTERM, then SIGKILL; nothing to do when it is not running
    kubectl.Kubectl(place.kubeconfig).apply(document), .get("nodes") -> dict, .run("logs", "pod")-> str

The Services' range is 10.245.0.0/16; the API server's Service is 10.245.0.1.
`cluster.down` stops every process of `place.processes` that `node.down` left and removes `place.folder`; whatever else
the node made (mounts, namespaces, cgroups, tables, the bridge, folders elsewhere) is removed by `node.down`.
"""
