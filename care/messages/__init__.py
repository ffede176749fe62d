"""The ledger: one row per intended recipient, its attempts and receipts."""
