"""A config with every kind of section, and nothing wrong in it."""

import pytest

FULL = """\
# A site's file.
[site]
id = "example-site"
rp_id = "door.example"
zone = "Europe/Berlin"

[gateway]
id = "gateway-1"

[door]
id = "front-door"
lock = "fail-secure"
relay = "active-high"
contact = true
release_s = 2.5

[pins]
strike = 17
contact = 27
exit = 22

[trust]
roots = [
  "/etc/keyra/roots/maker.pem",  # the maker
  "/etc/keyra/roots/other.pem",
]
aaguids = ["00112233-4455-6677-8899-aabbccddeeff"]

[[schedule]]
id = "office-hours"
windows = ["Mon-Fri 08:00-18:00", "Sat 09:00-12:00"]

[[schedule]]
id = "nights"
windows = [
  "Mon-Sun 22:00-06:00",
]

[[group]]
id = "staff"
doors = ["front-door", "back-door"]
schedule = "office-hours"

[[group]]
id = "guards"
doors = ["front-door"]
"""


@pytest.fixture
def full() -> str:
    return FULL
