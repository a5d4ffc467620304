"""How progress and positions in documents are shown in a terminal."""
