"""The decisions of this package, one file each; what they are registered as is in ``registered_decisions``."""
