"""The SDK: what the console, the CLI and applications talk through."""
