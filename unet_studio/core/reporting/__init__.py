"""What a project comes to, as a person reports it: effort, agreement, learning curve, and whether to stop."""
