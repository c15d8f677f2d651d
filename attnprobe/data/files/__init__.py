"""Files of texts and labels, read and checked: what is wrong is said with file, row and column."""
