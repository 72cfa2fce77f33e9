"""Figures that others published, in per cent, with what they are worth.

Light-SERNet: Aftab, Morsali, Ghaemmaghami, Champagne, ICASSP 2022 (arXiv
2110.03435), tables 1 to 3. EmoBox: emo-box/EmoBox, the benchmark's
leaderboard for EMO-DB, frozen encoders with a trained head, mean of the five
folds; WA, and UAR where it is given.
"""

from __future__ import annotations

# Loss -> figures of the paper: EMO-DB, 3 s, 300 epochs. Its tests mix
# speakers and its epoch was chosen on the test set.
LIGHT_SERNET_EMODB = {
  'cross_entropy': {'wa': 94.21, 'uar': 94.15, 'f1_macro': 94.16},
  'focal': {'wa': 93.08, 'uar': 92.88, 'f1_macro': 92.75},
}
LIGHT_SERNET_EPOCHS = 300

# Seconds -> what the paper says one input of that length costs.
LIGHT_SERNET_COST = {
  3.0: {'mflops': 322.0, 'peak_memory_kib': 1610.0},
  7.0: {'mflops': 760.0, 'peak_memory_kib': 3797.0},
}
LIGHT_SERNET_FP16_MIB = 0.88

EMOBOX_EMODB = {
  'WavLM-large': {'wa': 92.67},
  'Whisper-large-v3': {'wa': 92.43, 'uar': 91.26},
  'HuBERT-large': {'wa': 90.26},
  'HuBERT-base': {'wa': 87.73},
  'wav2vec2-base': {'wa': 83.14},
}
EMOBOX_PARAMETERS = '95 to 1,550 million parameters'

# System -> level of `experiments.related.ladder` -> UAR in per cent, source.
# Those of mixed voices say nothing of an unknown voice.
_CHEN = 'Chen, He, Yang, Zhang, IEEE Signal Processing Letters 25(10), 2018'
_KEESING = 'Keesing, Koh, Witbrock, Interspeech 2021, best of nine classifiers'
_YE = 'README of github.com/Jiaxin-Ye/TIM-Net_SER'
LADDER = {
  'svm_egemaps': {'L3': (66.0, _KEESING)},
  'svm_egemaps_per_speaker': {'L3': (80.0, _KEESING)},
  'light_sernet': {'L0': (94.15, 'arXiv 2110.03435')},
  'acrnn': {'L3': (82.82, _CHEN)},
  'acrnn_1': {'L3': (81.53, _CHEN)},
  # The first figure chose the epoch on the test, the second is the correction.
  'timnet': {'L0': (95.17, _YE), 'L1': (89.19, _YE)},
  'cpac': {'L0': (94.22, 'Wen et al., IJCAI 2022'), 'L1': (86.92, _YE)},
  'gmtcn': {
    'L0': (90.48, 'Ye et al., Speech Communication 145, 2022'),
    'L1': (86.17, _YE),
  },
  # Voices mixed by the public code, whose epoch a tenth of its own chooses.
  'separable': {'L1': (90.1, 'Zhong et al., Interspeech 2020, abstract')},
}

# Key of `LADDER` -> epochs that the paper or its code trains.
EPOCHS = {'cpac': 300, 'gmtcn': 300, 'light_sernet': 300, 'timnet': 500}
