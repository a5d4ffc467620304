"""Reading untrusted documents: JSON, YAML, schemas, durations, and the problems found in them. Pure."""
