"""Runs tests on an emulated processor, for instructions that the machine at hand lacks: AMX."""
