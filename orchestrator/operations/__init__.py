"""What the engine can be asked, a file per noun."""
