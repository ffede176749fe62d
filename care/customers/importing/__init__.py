"""Files of other systems become customers, subscriptions and consents: streamed, checked, upserted by their own id."""
