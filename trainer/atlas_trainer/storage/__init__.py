"""
Files of a training: where they live, which ones are complete, which ones stay.

    store           a folder or a prefix in an object store, with the same methods
    s3_client       the client for S3, and what its errors mean
    sync            files of the reporter, copied to an object store and back
    runs            which run is next, and its folder
    checkpoints     checkpoints that are complete or not there
    retention       which checkpoints are deleted
    atomic_file     a file replaced by an atomic rename

Knows no other room.

To add a store: a class with the methods of `store.Store`, and a branch in `open_store`.
"""
