"""The checked DAG: compiling a document into a Definition. Pure."""
