"""Pairing through BlueZ: its agent, its bonds and the adapter's power, over D-Bus.

The agent is always there, since BlueZ lets a read of an encrypted attribute wait for
ever where there is none; outside a ceremony, and for any other device, it refuses. Each
call is bounded in time, and what a failed ceremony leaves behind is removed.

Interfaces: org.bluez.Agent1(5), Adapter1(5), Device1(5), AgentManager1(5).
dbus-next's raw messages are enough, and need no introspection of a stranger's objects.
"""

from gateway.adapters.bluez_agent.bus import Bus
from gateway.adapters.bluez_agent.control import BluezControl
from gateway.adapters.bluez_agent.pairing import BluezPairing

__all__ = ["BluezControl", "BluezPairing", "Bus"]
