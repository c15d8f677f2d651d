"""The claims of Serrano & Smith (2019), and ours: each judged from intervals, in every run and over all of them."""
