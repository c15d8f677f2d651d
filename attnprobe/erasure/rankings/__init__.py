"""What further orderings rank items by: one number an item (batch, items), the largest to be erased first."""
