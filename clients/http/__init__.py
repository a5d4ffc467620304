"""HTTP requests of handlers, guarded against forbidden addresses."""
