"""Attach to every text model of transformers, as small as it can be built, and write down what comes of it."""
