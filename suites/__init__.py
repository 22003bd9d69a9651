"""Conformance suites and the requirements they cite. Data only (YAML)."""
