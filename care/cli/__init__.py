"""Commands: translate, call one use case, answer."""
