"""Parquet files of anyone's: how large they become is known from their own words before they are unpacked."""
