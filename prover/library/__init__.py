"""The theorems of Lean's own library, and of a Lake package, as data."""

from q35prover.library.index import Library, Theorem, statements, theorems

__all__ = ["Library", "Theorem", "statements", "theorems"]
