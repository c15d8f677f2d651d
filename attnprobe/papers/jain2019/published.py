"""What was released with Jain & Wallace (2019): accuracies and mean correlations, attention by tanh, test documents.

In the released tables the labels of attention–gradient and of attention–leave-one-out are exchanged
(:mod:`attnprobe.papers.jain2019.as_released`); here each number stands under what it is of.
"""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """One model on one dataset.

    Attributes:
        dataset, encoder: as they call them.
        accuracy, f1, auc: on the test documents.
        tau_attention_gradient, tau_attention_leave_one_out, tau_gradient_leave_one_out: means of Kendall's tau.
    """

    dataset: str
    encoder: str
    accuracy: float
    f1: float
    auc: float
    tau_attention_gradient: float
    tau_attention_leave_one_out: float
    tau_gradient_leave_one_out: float


PUBLISHED = (
    Published("SST", "BiLSTM", 0.808, 0.784, 0.902, 0.351, 0.291, 0.656),
    Published("SST", "CNN", 0.823, 0.825, 0.908, 0.477, 0.352, 0.488),
    Published("SST", "average", 0.807, 0.800, 0.895, 0.606, 0.623, 0.558),
    Published("IMDB", "BiLSTM", 0.898, 0.896, 0.960, 0.437, 0.341, 0.517),
    Published("IMDB", "CNN", 0.901, 0.898, 0.962, 0.452, 0.295, 0.513),
    Published("IMDB", "average", 0.883, 0.882, 0.945, 0.675, 0.576, 0.639),
    Published("20News sports", "BiLSTM", 0.922, 0.917, 0.978, 0.130, 0.123, 0.534),
    Published("20News sports", "CNN", 0.913, 0.909, 0.967, 0.446, 0.322, 0.549),
    Published("20News sports", "average", 0.913, 0.909, 0.969, 0.772, 0.721, 0.622),
    Published("AG News", "BiLSTM", 0.958, 0.958, 0.990, 0.389, 0.367, 0.612),
    Published("AG News", "CNN", 0.958, 0.958, 0.990, 0.491, 0.360, 0.462),
    Published("AG News", "average", 0.954, 0.955, 0.988, 0.770, 0.507, 0.494),
)

ENCODERS = {"jain-lstm": "BiLSTM", "jain-cnn": "CNN", "jain-average": "average"}
"""By model, how they call its encoder."""

STANDS_FOR = {"sst2": "SST", "imdb2": "IMDB", "sports2": "20News sports"}
"""By dataset, which of theirs it is, or stands for."""
