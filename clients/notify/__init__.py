"""E-mail, webhooks and other ways to notify people."""
