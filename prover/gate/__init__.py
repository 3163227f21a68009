"""The acceptance gate: what a found proof, which is untrusted input, has to pass before it counts."""
