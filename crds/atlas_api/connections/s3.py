"""How a store with the S3 API wants to be spoken to, where the AWS configuration does not say it."""

from typing import Literal

AddressingStyle = Literal["path", "virtual"]
"""Where requests name the bucket: in the path of the address, or in its host name."""

Checksums = Literal["whenRequired", "whenSupported"]
"""When requests and answers carry checksums: where the API demands them, or wherever it knows them."""
