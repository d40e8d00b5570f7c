"""What the commands answer: the same content in words and tables for a person, and as JSON for a script.

A module for each module of commands: `..._text` is for a person, `..._content` for JSON. Nothing is written or worked
out here, and no project is opened.
"""
