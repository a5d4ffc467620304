"""Workers claim tasks, run handlers and report what came of them."""
