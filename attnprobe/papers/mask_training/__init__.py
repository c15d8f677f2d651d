"""What training for erasure changes: runs with it beside the same runs without, pair by pair."""
