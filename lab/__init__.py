"""Real servers on loopback ports, started from a temporary folder."""
