"""CPU kernels."""

from q35kernels._cpu import source_sha256 as source_sha256
