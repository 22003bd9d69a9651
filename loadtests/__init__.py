"""Locust load tests. Locust is imported in this folder alone."""
