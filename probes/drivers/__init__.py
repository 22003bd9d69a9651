"""Perform a conversation's operations on real sockets: on Trio for probes, on plain sockets for Locust."""
