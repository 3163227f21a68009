"""The verifier of certificates: it shares no code with the quantizer, the reference or the kernels.

It stands on NumPy's integers, the standard library, jsonschema and the data files of the spec, and re-derives
every figure of a certificate from the two model files alone.
"""

from q35.verify.check import verify as verify
