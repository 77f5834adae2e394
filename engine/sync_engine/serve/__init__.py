"""The process that runs it all: follows git, runs what is due, and says how it is."""
