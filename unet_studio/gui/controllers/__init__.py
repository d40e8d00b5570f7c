"""What goes on between the session and the widgets: each module answers for one matter. No widget is built here."""
