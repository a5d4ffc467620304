"""The native HTTP API: parse a request, call one verb of the engine, render its answer."""
