"""The only room that touches Redis: the verbs, the scripts they send, and everything that is read."""
