"""Tokens of a mixture, or of tokenized documents, in the formats of other training frameworks."""
