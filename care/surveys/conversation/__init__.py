"""The conversation by text message: what a reply leads to, and what is said next."""
