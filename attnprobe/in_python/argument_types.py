"""Types of the arguments of ``attnprobe.run``, written by ``python -m tests.settings_page``."""

from collections.abc import Sequence
from os import PathLike
from typing import Literal, TypedDict


class TrainArguments(TypedDict, total=False):
    """Of ``attnprobe.train``: a run's settings, where its data are, where to compute."""

    experiment: str | PathLike[str]
    """A TOML file of settings; arguments take the place of its entries."""
    data_dir: str | PathLike[str]
    """Folder of datasets, found by their folders' names."""
    text_column: str
    """Of the files under a path (tokens or text)."""
    label_column: str
    """Of the files under a path (category or label)."""
    device: Literal["auto", "cpu", "cuda"]
    """Where to compute (auto)."""
    force: bool
    """Start over, throwing away what is finished."""
    seed: int
    """Of initial weights, order of batches, dropout and random orderings (0)."""
    word2vec: bool
    """Start from word2vec embeddings of the dataset's own text (needs gensim) (no)."""
    erase_by: Sequence[str] | str
    """Ways of erasing (attnprobe list): the first is what results are of, the others are measured beside it
    (renormalise,zero,document_mean,corpus_mean,resample in models whose attention pools, where classes are decided;
    else renormalise)."""
    decision: str
    """What flips (attnprobe list) (class; of a checkpoint whose head gives numbers, or says yes and no, what it was
    trained for)."""
    threshold: float
    """Of the decisions one_logit and multi_label: yes is what is above it (0)."""
    tolerance: float | None
    """Of the decision regression: another output is one that has moved by more than this (none: nothing flips, and
    how far the output moves is told)."""
    given_class: str | None
    """Of the decision given_class, which it asks for: the class, token or label word that is on top or not
    (none)."""
    continuation: str | None
    """Of the decision continuation, which it asks for: what is given to a language model behind each text, and
    scored token by token in one run; as it is written, with a space before it where there is to be one (none)."""
    targets: Sequence[str] | str
    """Classes, tokens or label words whose probability and logit are kept after every single erasure and along
    every ordering, whatever is decided (models with several heads or layers) (none)."""
    orderings: Sequence[str] | str
    """Orderings to erase by beside the usual ones (attnprobe list), or all (none)."""
    draws: int
    """Random orderings of a document, up to 128 (5)."""
    curves: bool | None
    """Keep whole curves of a sample of documents, which takes an erasure of every prefix but where they have a
    closed form (yes where they have one, in HAN and FLAN, and with limits)."""
    limits: int
    """Documents, of those with curves, of which it is found what any ordering can reach: of more than 12 items in
    transformers what orderings are found to reach (0)."""
    correlations: int
    """Documents, a seeded sample, of which attention is correlated with gradients of the input and with leaving
    words out of it, which takes a reading for each word (models whose attention pools words) (0)."""
    certify: int
    """Find what flips and what guarantees decisions in a seeded sample of documents: all sets are erased of those
    of at most 14 items, all sets of 1 to K items of others, 2 being usual (models of which it is not known from
    sums) (0)."""
    train_documents: int | None
    """Training documents that are used, a seeded sample (all)."""
    dev_documents: int | None
    """Development documents that are used, a seeded sample (all)."""
    test_documents: int | None
    """Test documents that are used, a seeded sample (all)."""
    train_words: int | None
    """Words after which training and development documents are cut; test documents never are (no)."""
    given_tokens: bool
    """Texts are tokens that whitespace separates: keep them (lists of tokens are kept in any case) (no)."""
    segmenter: str | None
    """A function of an installed package that gives a text's words, of texts in languages that put no spaces
    between them (models that are trained here) (none)."""
    dropout_words: float
    """Rate on word embeddings (0.444)."""
    dropout_sentences: float
    """Rate on sentence vectors, of HAN alone (0.220)."""
    dropout_document: float
    """Rate on the pooled vector before the head (0.246)."""
    epochs: int
    """At most so many; on docstrings 4, where neither a flag nor a file says it (8; huggingface: 3)."""
    patience: int
    """Stop after so many epochs without a better accuracy on the development split (2; jain2019: 8)."""
    learning_rate: float
    """Of the optimiser, at first (0.002; jain2019: 0.001; huggingface: 0.0001)."""
    batch_size: int
    """Documents in a batch, at most (32)."""
    batch_tokens: int
    """Tokens in a batch, padding included, at most (16384)."""
    gradient_norm: float | None
    """Limit of the gradient's global norm, or none (10; jain2019: none; huggingface: 1)."""
    gradient_value: float | None
    """Limit of the size of each of its entries, or none (none)."""
    amsgrad: bool
    """Divide Adam's steps by the largest second moment so far (not of hf: models) (no; jain2019: yes)."""
    weight_decay: float
    """This times the weight is added to each gradient but the attention's (not of hf: models) (0; jain2019:
    3.125e-07)."""
    halving: bool
    """Halve the learning rate after an epoch that is no better (yes; jain2019: no)."""
    judged_by: Literal["accuracy", "auc"]
    """What of the development split says which epoch is the best (accuracy; jain2019: auc)."""
    attention: str
    """Of models that pool: learned; uniform, equal weights throughout; or frozen:RUN, those of the trained model of
    another run with the same vocabulary (Wiegreffe & Pinter 2019) (learned)."""
    mask_training: Literal["half"] | None
    """Train for erasure: in half of each batch a uniformly drawn share, 0 to 100 %, of the items is erased at the
    attention (docs/method.md) (none)."""
    mask_training_by: str
    """The way of erasing (attnprobe list) of that training (renormalise)."""
    layers: str
    """Last, all, or numbers and spans: 0,2-4 (negative ones count from the end); in encoder–decoder models behind
    the name of a stack: encoder:last, decoder:0, cross:all (last)."""
    also: Sequence[str] | str
    """Further selections of layers of a checkpoint, each a probe of its own in a folder of the run, as all-layers;
    auto is all, where layers and rows are as usual (auto)."""
    heads: str
    """All, or numbers and spans: 0,2-4 (all)."""
    query: str
    """The rows: first, last, all, a position or a span; auto is the one row that the decision is read from, or all
    where there is no such row (auto)."""
    unit: Literal["token", "word"]
    """What is erased at once, and what an item is: a token, or a word with all its pieces (token; of the model
    transformer, word)."""
    aggregate: Literal["mean", "max"]
    """How attention and gradients of heads, layers and rows become one number an item (mean)."""
    greedy: bool
    """Also erase greedily, ranking by gradient again after each removal: slow (no)."""
    label_words: Sequence[str] | str
    """The decision of a language model is the best of these words (none: the next token)."""
    pairs_at: str | None
    """Texts are pairs of what stands before this string and behind it, which a checkpoint's tokenizer joins (none:
    a text is read as it is)."""
    at: str | None
    """The token that a checkpoint decides at which gives logits for every token (masked language models, token
    classifiers): a special token as [MASK], a position, negative ones from the end, or a word of the texts (none:
    the decision is about the text, or the token that follows it)."""
    head_map: Literal["quick", "full"]
    """How single heads are tested: quick erases each whole, its most attended item and another one; full erases
    each in its own order and in a random one, in about six times the time (quick)."""
    head_map_documents: int
    """Documents, a seeded sample, of which single heads are tested; 0 for no map of heads (100)."""
    d_e: int
    """Width of embeddings and hidden states (64)."""
    num_heads: int
    """Attention heads, h, of every layer (4)."""
    d_k: int | None
    """Width of a head's queries and keys (d_e / h)."""
    d_v: int | None
    """Width of a head's values (d_e / h; of added heads d_e)."""
    combine: Literal["concatenate", "add", "add_own"]
    """How heads become one output: side by side, or summed before one output map or after a map a head
    (concatenate)."""
    positions: bool
    """Embed positions (learned) (yes)."""
    num_layers: int
    """Encoder layers (1)."""
    d_ff: int
    """Width of the feed-forward networks (256)."""
    dropout: float
    """Rate on embeddings, weights, and outputs of attention and feed-forward networks (0.1)."""
    longest: int
    """Documents are cut to so many items, the first token included (512)."""
    matched: bool
    """Of concatenated heads: widen the feed-forward networks, to as many parameters as with heads added (no)."""
    as_released: Sequence[Literal["head_sum", "mask", "scale"]]
    """What is as in the code that was released with the paper (none)."""
    explanations: str | None
    """Scores to erase by: a .parquet or .jsonl file with the columns document, name, score and either position or
    start and end, perhaps draw (docs/explanations.md) (none)."""
    specials: Literal["own", "first", "last", "out"]
    """Special tokens are erased by their own score (0 where there is none), before all others or behind them, or
    are no items of any ordering (own)."""
    sinks: Literal["own", "out"]
    """The first item is no item where it is a sink of attention: where it holds 30 % of it or more in training
    documents, and changes at most 5 % of the decisions (docs/transformers.md) (own)."""
    subwords: Literal["sum", "mean"]
    """How several scores of an item become one (sum)."""


class RunArguments(TrainArguments, total=False):
    """Of ``attnprobe.run``: the same, and who tests."""

    workers: int | None
    """Processes, one thread each (as many as there are cores)."""
    executor: Literal["in-process", "pool", "ray"] | None
    """Who works (a pool of processes, if several)."""
    address: str | None
    """Of a running Ray cluster (one is started on this machine)."""
    gpus_per_worker: float
    """Of Ray workers (0)."""
    shard_windows: int
    """Windows of at most 2,048 documents a shard (1)."""
    document_timeout: float
    """A batch of documents that takes longer is divided, and a document left out (3600)."""


class ProbeArguments(TypedDict, total=False):
    """Of testing what is trained: what can be asked at any time, and who tests."""

    erase_by: Sequence[str] | str
    """Ways of erasing (attnprobe list): the first is what results are of, the others are measured beside it
    (renormalise,zero,document_mean,corpus_mean,resample in models whose attention pools, where classes are decided;
    else renormalise)."""
    certify: int
    """Find what flips and what guarantees decisions in a seeded sample of documents: all sets are erased of those
    of at most 14 items, all sets of 1 to K items of others, 2 being usual (models of which it is not known from
    sums) (0)."""
    also: Sequence[str] | str
    """Further selections of layers of a checkpoint, each a probe of its own in a folder of the run, as all-layers;
    auto is all, where layers and rows are as usual (auto)."""
    explanations: str | None
    """Scores to erase by: a .parquet or .jsonl file with the columns document, name, score and either position or
    start and end, perhaps draw (docs/explanations.md) (none)."""
    specials: Literal["own", "first", "last", "out"]
    """Special tokens are erased by their own score (0 where there is none), before all others or behind them, or
    are no items of any ordering (own)."""
    sinks: Literal["own", "out"]
    """The first item is no item where it is a sink of attention: where it holds 30 % of it or more in training
    documents, and changes at most 5 % of the decisions (docs/transformers.md) (own)."""
    subwords: Literal["sum", "mean"]
    """How several scores of an item become one (sum)."""
    workers: int | None
    """Processes, one thread each (as many as there are cores)."""
    executor: Literal["in-process", "pool", "ray"] | None
    """Who works (a pool of processes, if several)."""
    address: str | None
    """Of a running Ray cluster (one is started on this machine)."""
    gpus_per_worker: float
    """Of Ray workers (0)."""
    shard_windows: int
    """Windows of at most 2,048 documents a shard (1)."""
    document_timeout: float
    """A batch of documents that takes longer is divided, and a document left out (3600)."""
