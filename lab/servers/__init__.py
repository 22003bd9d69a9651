"""One module per server product."""
