"""SMTP submission."""
