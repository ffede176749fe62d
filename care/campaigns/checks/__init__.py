"""What a person would find wrong with a campaign before it is sent: one small module per rule."""
