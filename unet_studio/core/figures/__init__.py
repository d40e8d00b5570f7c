"""Pictures for people: display of slides, charts, sheets. Nothing here reaches the network."""
