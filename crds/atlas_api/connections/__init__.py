"""
Reaching what lies elsewhere: rules that all programs of atlas-core share.

    proxies   which HTTP proxy leads to an address, by kubectl's rules
    s3        how a store with the S3 API wants to be spoken to
"""
