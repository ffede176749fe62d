"""Claim, re-check, write ahead, send, record; channels and receipts."""
