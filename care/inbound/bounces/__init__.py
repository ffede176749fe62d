"""Mails that came back, and what providers report about mails: read, then carried out."""
