"""The load engine. It imports neither locust nor gevent nor trio: Locust is one front end of it."""
