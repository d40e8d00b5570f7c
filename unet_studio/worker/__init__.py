"""The process that owns Keras: it reads requests, runs the use cases that need Keras, and answers. No Qt."""
