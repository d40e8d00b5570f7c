"""The report of a project, and the blinded second labelling that it draws on."""
