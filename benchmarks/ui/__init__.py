"""Frame rates of the graph and the timeline in Chromium."""
