"""What the operator's other systems tell us: stored first, answered, worked on after."""
