"""The KEYRA gateway: a door controller opened by a finger on a KEYRA key."""
