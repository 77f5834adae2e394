"""JSON Schemas (draft-07) of the documents people write and the files the engine writes."""
