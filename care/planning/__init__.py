"""From occasions to messages, set-based; the plan of the next days."""
