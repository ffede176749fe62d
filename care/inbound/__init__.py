"""What comes back: keywords, opt-outs, the inbox."""
