"""The operations of the HTTP API, a file for each noun; each is described once, for both clients."""
