"""Loads whose conversations are written as straight code: each session is a greenlet. Knows gevent, not Locust."""
