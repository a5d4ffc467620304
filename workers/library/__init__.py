"""The built-in handlers, one module per theme."""
