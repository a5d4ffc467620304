"""The web page: the shell, its files, and what it asks for first."""
