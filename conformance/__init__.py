"""Conformance: every implementation of the formats against truths that none of them produced."""
