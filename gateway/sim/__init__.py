"""The simulator: keys, air and pins, as a product."""
