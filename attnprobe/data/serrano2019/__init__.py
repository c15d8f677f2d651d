"""The four datasets of Serrano & Smith (2019), from their original files or the Hugging Face hub.

``recipes`` says for each what it is made of; ``sources`` finds that, ``folder`` makes a folder of splits of it, once.
"""
