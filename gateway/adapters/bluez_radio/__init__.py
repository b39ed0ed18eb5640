"""The radio as bleak sees it: BlueZ on an appliance, the simulated air elsewhere.

Whichever it is, this is the same code: the simulator hands in two bleak backend classes
and speaks in BlueZ's own errors. What bleak or BlueZ can raise or hang on ends here, as
one of the gateway's link errors within a named time.
"""

from gateway.adapters.bluez_radio.limits import RadioLimits
from gateway.adapters.bluez_radio.link import BleakLink
from gateway.adapters.bluez_radio.radio import BleakRadio, NoOtherScan, OtherScan

__all__ = ["BleakLink", "BleakRadio", "NoOtherScan", "OtherScan", "RadioLimits"]
