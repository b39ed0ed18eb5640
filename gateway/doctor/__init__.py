"""What is wrong with this machine as a door, where, and what to do about it.

Works while the gateway is down, repairs nothing and moves nothing. Each check is a
function of a Machine and a Config, so that none needs a door to be tested.
"""

from gateway.doctor.examination import examine
from gateway.doctor.finding import Finding, Grade
from gateway.doctor.local import LocalMachine
from gateway.doctor.machine import Machine, PathFacts, PinFacts, Space

__all__ = [
    "Finding",
    "Grade",
    "LocalMachine",
    "Machine",
    "PathFacts",
    "PinFacts",
    "Space",
    "examine",
]
