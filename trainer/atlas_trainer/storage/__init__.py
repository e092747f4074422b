"""
Files of a training: where they live, which ones are complete, which ones stay.

    store           a folder, or what `s3_store` is, with the same methods
    s3_store        a prefix in an object store
    s3_client       the client for S3
    s3_errors       what its errors mean, with the right that is missing
    file_errors     what errors of the file system mean
    trial           a first save, tried before anything else
    file_list       which files a folder holds, and what each must be; names that may become paths
    manifest        the list of a checkpoint
    sync            files of the reporter, copied to an object store and back
    runs            which run is next, and its folder
    checkpoints     checkpoints that are complete or not there
    known           what a cluster knows of a run: digests that the store must agree with
    retention       which checkpoints are deleted
    atomic_file     a file replaced by an atomic rename
    put_aside       what stands in the place of a file of ours, renamed; files opened in place

Knows no other room.

To add a store: a class with the methods of `store.Store`, and a branch in `open_store`.
"""
