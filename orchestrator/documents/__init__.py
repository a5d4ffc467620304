"""Reading what strangers send: JSON, YAML, schemas, durations, and the problems found in it. Pure."""
