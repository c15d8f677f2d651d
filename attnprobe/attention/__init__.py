"""Seeing and editing the attention inside any PyTorch model: where its softmaxes are, and what is done to them there.

Libraries that replace a model's attention function, or hook what an attention module returns, are without effect on
many models. Here every softmax and every fused attention that torch computes while the model runs is intercepted
(``calls``), the ones whose rows and columns are tokens are recognised by their shape (``sites``, ``layouts``), and what
is to happen to them (``taps``) is one small object a site.
"""
