"""Templates and expressions: parsing, checking, resolving. Pure."""
