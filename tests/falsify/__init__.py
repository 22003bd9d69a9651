"""Every case of the suites fails on a server that breaks its rule, and passes on one that keeps it."""
