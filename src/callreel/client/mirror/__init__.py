"""The reading side of a mirror: an account of the endpoint's service as what an archive takes in.

Only what the service's published description gives is relied on: pages by offset in no order,
a filter by the start of the call, and an address of the audio.
"""

from callreel.client.mirror.account import ServiceAccount
from callreel.client.mirror.pace import Pace

__all__ = ["Pace", "ServiceAccount"]
