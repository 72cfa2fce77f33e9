r"""Weights for everybody: all openly licensed corpora together.

  python -m sernet_jax.main --config=configs/open.py --workdir=runs/open

EMO-DB, CREMA-D, JL-Corpus, Emozionalmente, SUBESCO, MESD, emoUERJ and Oréau:
seven languages, whose licenses allow to give trained weights away, with
attribution. They are looked for in ~/.cache/sernet_jax/NAME, where
`python -m sernet_jax.download` puts those that it fetches (docs/corpora.md).

The four classes are those that all have. No speaker has more than 60 and no
corpus more than 1200 utterances in it, so that neither a few voices nor one
language outweigh the others. Nobody is left out, so this run cannot say how
good it is: --config.protocol.name=loco tests each corpus with the weights of
all others. Not run by us on the real recordings, which lie behind logins or
git-lfs; the names of CREMA-D's and emoUERJ's files are read as published.
"""

from ml_collections import ConfigDict

from sernet_jax.runs.defaults import get_config as defaults


def get_config() -> ConfigDict:
  """Returns the settings; the command line can change any of them."""
  config = defaults()
  config.name = 'open'
  config.data.corpora = (
    'emodb,cremad,jl,emozionalmente,subesco,mesd,emouerj,oreau'
  )
  config.data.classes = 'anger,happiness=happiness+excitement,neutral,sadness'
  config.data.most_per_speaker = 60
  config.data.most_per_corpus = 1200
  config.protocol.name = 'all'
  return config
