"""Named groups of customers: one rule, one SQL predicate."""
