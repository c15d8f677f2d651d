"""From a dataset's name or folder to tokenised documents.

The way of a dataset: ``datasets`` finds its folder, ``folder`` and ``reading`` make texts and labels of the
files, ``tokenisation`` makes words and sentences of the texts, ``vocabulary`` makes numbers of the words.
"""
