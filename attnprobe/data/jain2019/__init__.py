"""Three of the datasets of Jain & Wallace (2019), or stand-ins, each with two classes."""
