"""What a worker process does around a handler: read tasks, claim, run, record, renew."""
