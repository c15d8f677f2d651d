"""The panels of the overview: numbers and the places of marks, in percent of a panel's width and height."""
