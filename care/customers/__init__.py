"""Who we care for: customers, contact points, subscriptions, consents, suppressions; import."""
