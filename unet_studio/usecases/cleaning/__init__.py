"""Clean-up of a project's proposals: using a recipe, tuning its watershed, and advice on all of it."""
