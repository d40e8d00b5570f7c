"""The window around it all: actions, menus, status line, message bar, and the wiring between the parts."""
