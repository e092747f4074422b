"""
The API server: what the operator reads from it and writes to it, and in which form. It knows no rule of any kind.

With connections:

    client         objects and their children, created, applied, deleted; statuses, events
    rest/          requests: address, credentials, proxy, retries, errors in words
    served_schema  the schemas of our CRDs as the API server has them, beside those of this version
    listing        lists, page by page; events about objects
    events         recorder of events: repetitions are counted
    apply_errors   errors that the owner of an object can do something about

Pure, for everybody:

    document       objects as JSON documents, and keys of those that are reconciled
    kinds          apiVersion and plural of every kind, and their paths
    labels         labels, annotations, API group
    fields         fields of documents that others wrote
    decode         specs and statuses as our types
    ownership      whose a child is
    drift          whether an object is as it should be
    status_writer  the form of a status, and how long figures alone wait

The room knows `status` and the API types.

To add a kind of object that is read or written: one line in `kinds`, and its rights in operator/rbac*.yaml.
"""
