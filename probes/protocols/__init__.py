"""Octets to replies and back, one module per protocol. Pure: nothing here touches a socket or a clock."""
