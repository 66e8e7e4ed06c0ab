"""Compressors: what is sent in place of a vector, and its bits."""

from byzsgd.compressors.dp_sign import DPSign as dp_sign
from byzsgd.compressors.dynamic import Dynamic as dynamic
from byzsgd.compressors.noisy_sign import NoisySign as noisy_sign
from byzsgd.compressors.none import Uncompressed as none
from byzsgd.compressors.qsgd import QSGD as qsgd
from byzsgd.compressors.random_k import RandomK as random_k
from byzsgd.compressors.scaled_sign import ScaledSign as scaled_sign
from byzsgd.compressors.sign import Sign as sign
from byzsgd.compressors.stochastic_sign import StochasticSign as stochastic_sign
from byzsgd.compressors.terngrad import TernGrad as terngrad
from byzsgd.compressors.top_k import TopK as top_k
from byzsgd.compressors.uniform import Uniform as uniform
