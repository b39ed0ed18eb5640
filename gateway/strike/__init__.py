"""keyra-strike: the small process that alone owns the output line."""
