"""What the gateway's process loads: every module is time until the door is ready."""

import subprocess
import sys

IMPORTED = """
import sys
import gateway.cli.appliance, gateway.bootstrap, gateway.bootstrap.appliance
print(*sys.modules)
"""
OTHERS = {"bumble", "httpx", "rich", "textual", "tui"}


def test_the_door_waits_for_nobody_elses_library() -> None:
    python = [sys.executable, "-c", IMPORTED]
    listing = subprocess.run(python, check=True, capture_output=True, text=True)
    names = set(listing.stdout.split())
    assert "gateway.service.gateway" in names
    assert not OTHERS & names
    assert not {name for name in names if name.startswith("gateway.client")}
