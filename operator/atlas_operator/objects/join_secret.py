"""Builder of the Secret of a job whose processes train together: what they prove to each other that they know. Pure.

It belongs to the job and goes with it: the operator may make Secrets, and neither read nor delete any.
"""

from atlas_api.pods.contract import JOIN_SECRET
from atlas_api.secrets import SecretKeyRef
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import name_of
from atlas_operator.cluster.labels import ATTEMPT, RUN
from atlas_operator.objects.metadata import child
from atlas_operator.objects.names import join_secret_name
from atlas_operator.objects.training_pod import from_secret

JOIN_KEY = "secret"


def join_variable(job: str) -> Document:
    """The environment variable, as in a container of the *job*, that holds the secret."""
    return from_secret(JOIN_SECRET, SecretKeyRef(name=join_secret_name(job), key=JOIN_KEY))


def join_secret(training: Document, job: Document) -> Document:
    """The Secret of *job*, still without its value: see `with_value`."""
    labels = {name: job["metadata"]["labels"][name] for name in (RUN, ATTEMPT)}
    made = child(training, "v1", "Secret", join_secret_name(name_of(job)), labels, type="Opaque", immutable=True)
    owner = {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "name": name_of(job),
        "uid": job["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {**made, "metadata": {**made["metadata"], "ownerReferences": [owner]}}


def with_value(secret: Document, value: str) -> Document:
    """The Secret as it is made, once and without being read again."""
    return {**secret, "stringData": {JOIN_KEY: value}}
