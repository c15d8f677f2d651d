"""How far the attention weights of a trained model are determined by what comes out of it: ``attnprobe identify``.

``attnprobe.identifiability`` has the mathematics; this applies it to the documents of a run and writes tables.
"""
