"""Talk to a server by script and judge its answers."""
