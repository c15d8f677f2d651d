"""Types of the public surface; made from the table in __init__.py, which a test holds it against."""

from attnprobe.analysis.registered_statistics import STATISTICS as STATISTICS
from attnprobe.analysis.registered_statistics import Statistic as Statistic
from attnprobe.analysis.results import RunResults as RunResults
from attnprobe.any_model import probe as probe
from attnprobe.attention.attached_model import AttachedModel as AttachedModel
from attnprobe.attention.hooks import capturing as capturing
from attnprobe.attention.hooks import erasing as erasing
from attnprobe.attention.refusals import RefusedError as RefusedError
from attnprobe.base.column_values import Column as Column
from attnprobe.base.column_values import Missing as Missing
from attnprobe.base.errors import FailedError as FailedError
from attnprobe.base.errors import InputError as InputError
from attnprobe.data.datasets import DATASETS as DATASETS
from attnprobe.data.datasets import NamedDataset as NamedDataset
from attnprobe.erasure.aopc_limits import aopc_limits as aopc_limits
from attnprobe.erasure.distributions import entropy as entropy
from attnprobe.erasure.distributions import js_divergence as js_divergence
from attnprobe.erasure.distributions import kl_divergence as kl_divergence
from attnprobe.erasure.distributions import total_variation as total_variation
from attnprobe.erasure.erasable import Erasable as Erasable
from attnprobe.erasure.functions import decision_gradient as decision_gradient
from attnprobe.erasure.functions import erase as erase
from attnprobe.erasure.functions import first_flip as first_flip
from attnprobe.erasure.functions import minimal_flip_set as minimal_flip_set
from attnprobe.erasure.functions import single_erasures as single_erasures
from attnprobe.erasure.orderings import rank_at_random as rank_at_random
from attnprobe.erasure.orderings import rank_by_attention as rank_by_attention
from attnprobe.erasure.orderings import rank_by_gradient as rank_by_gradient
from attnprobe.erasure.orderings import rank_by_gradient_attention as rank_by_gradient_attention
from attnprobe.erasure.registered_measurements import MEASUREMENTS as MEASUREMENTS
from attnprobe.erasure.registered_measurements import Measurement as Measurement
from attnprobe.erasure.registered_orderings import ORDERINGS as ORDERINGS
from attnprobe.erasure.registered_orderings import Ordering as Ordering
from attnprobe.erasure.registered_orderings import Role as Role
from attnprobe.identifiability import dk_star as dk_star
from attnprobe.identifiability import effective_attention as effective_attention
from attnprobe.identifiability import farthest_alternative as farthest_alternative
from attnprobe.identifiability import first_flip_range as first_flip_range
from attnprobe.identifiability import item_flips as item_flips
from attnprobe.identifiability import joint_nullity as joint_nullity
from attnprobe.identifiability import maxent_attention as maxent_attention
from attnprobe.identifiability import nullity as nullity
from attnprobe.identifiability import same_head_output as same_head_output
from attnprobe.identifiability import weight_range as weight_range
from attnprobe.settings.attention import AttentionSettings as AttentionSettings
from attnprobe.settings.data import DataLimits as DataLimits
from attnprobe.settings.dropout import Dropout as Dropout
from attnprobe.settings.kinds import KINDS as KINDS
from attnprobe.settings.kinds import MODELS as MODELS
from attnprobe.settings.kinds import Kind as Kind
from attnprobe.settings.run_settings import RunSettings as RunSettings
from attnprobe.settings.training import TrainingSettings as TrainingSettings
from attnprobe.settings.transformer import TransformerOptions as TransformerOptions

__version__: str
__all__: list[str]
