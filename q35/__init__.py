"""q35: state, prove, mirror, implement, test and certify a low-bit number format."""

__version__ = "0.1.0"
