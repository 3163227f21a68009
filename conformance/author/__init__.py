"""Judges a kernel author's own file: functions with the names and parameters of the specification's operations.

`python -m conformance.author FILE` is started by `q35 conform`, which says what it found; what the operations are and
with which truths they are compared stands in the modules of this package.
"""

from __future__ import annotations

from conformance.author import codes, mx, products, weights

OPERATIONS = {
    operation.name: operation
    for operation in (*codes.OPERATIONS, *weights.OPERATIONS, *products.OPERATIONS, *mx.OPERATIONS)
}
"""Every operation that a file can define, by name."""
