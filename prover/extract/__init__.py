"""Tactic steps out of the text of Lean files, without building them, and which statements say almost the same."""
