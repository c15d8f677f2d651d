"""From a dataset's name or folder to batches of word numbers.

The way of a dataset: ``datasets`` finds its folder, ``files`` makes checked texts and labels of what lies there,
``tokens`` makes words and sentences of the texts, ``vocabulary`` numbers of the words, and ``batches`` tensors.
"""
