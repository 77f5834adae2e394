"""A local server that speaks the REST API of Akeneo PIM, for the demo and for tests."""
