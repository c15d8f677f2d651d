"""The leaderboard of explanations: in words, as files, as a figure and as a page."""
