"""Proof search over an `Environment` and a `Policy`: an AND/OR graph, two ways to grow it, and what is read off it."""
