"""The command line: a module for each group of commands, and what they share.

`app` lists the commands, `options` has the options that several take, `project` opens the project they work on,
`engine` loads Keras, `terminal` writes answers to stdout, progress and problems to stderr, and `rendering` puts results
into words, tables and JSON. A command reads its options, calls the engine or a use case and hands the result on; how
anything is done belongs to `core`, `usecases` or the worker. What is slow to import, Keras above all, is imported by
the commands that need it.
"""
