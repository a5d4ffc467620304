"""Server-sent events: one tail per process, a bounded queue per watcher."""
