"""The console of `keyra demo --live`, with a panel to play the holder.

A program of the simulator, and no part of a door's console: nothing else in `tui`
imports it, and it alone may talk to a simulated world (pyproject.toml, "stage").
"""
