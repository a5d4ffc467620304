"""The native HTTP door: parse a request, ask the engine for one verb, render the answer."""
