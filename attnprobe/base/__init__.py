"""What every other part stands on: errors, registries, files that are whole or not there, locks, stopping."""
