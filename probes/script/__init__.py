"""The YAML language: types, loader, interpreter. Pure: the interpreter only yields operations."""
