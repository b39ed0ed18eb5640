"""What stands on the screens, as pure functions: time and zone are arguments."""
