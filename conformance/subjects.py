"""The implementations under test behind one interface; nothing of them is imported before a test asks for it."""

from __future__ import annotations

PACKAGES = ("q35ref", "q35kernels")
"""Import names of the packages that are judged, and that a mutated copy may replace."""
