"""The proof-state server: a Lean process that runs tactics (`client`), several of them as one environment (`pool`)."""

from q35prover.server.client import Client, Left, Ran
from q35prover.server.pool import Limits, Pool

__all__ = ["Client", "Left", "Limits", "Pool", "Ran"]
