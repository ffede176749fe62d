"""What mail providers post to us: each checked in the provider's own way, kept as rows, read later."""
