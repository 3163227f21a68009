"""The reference of the Q35 formats, mirroring the Lean definitions name by name; it depends on NumPy alone.

`exact` works on integers and fractions, one value at a time; `vectorized` on whole tensors, with the same results.
"""
