"""Records, their signatures and the store that holds them. Imports no torch."""

from harness.results.record import CheckpointInfo, Cost, Record
from harness.results.roles import Claim, Control, Groups, Roles
from harness.results.signature import differences, digest, key_of
from harness.results.store import Store

__all__ = ["CheckpointInfo", "Claim", "Control", "Cost", "Groups", "Record", "Roles", "Store", "differences", "digest",
           "key_of"]  # fmt: skip
