"""The engine: the language and rules (pure), the store, the verbs, the loops that notice due ones."""
