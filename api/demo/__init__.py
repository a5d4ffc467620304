"""The demo: a service that workflows of the demo call, and what shows how the engine bears failures."""
