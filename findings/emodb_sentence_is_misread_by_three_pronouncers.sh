#!/usr/bin/env bash
# EMO-DB's first sentence is misread by three libraries of phonemes, each another way.
#
# Versions: phonemizer-fork 3.3.2 with espeakng-loader 0.2.4 (eSpeak NG 1.52.0),
# epitran 1.35.3 (deu-Latn), gruut 2.4.0 (gruut-lang-de 2.0.1), Python 3.11.
# Date: 2026-11-30.
#
# Networks that read phonemes beside the sound need them for a corpus without
# alignments. EMO-DB's sentences are plain German; its first ends in Eisschrank, Eis
# and Schrank, said aɪ s ʃ r a ŋ k.
#
# Expected: ʃ for the sch of Schrank, as each library has it of that word alone.
# Seen: none of the three divides the compound.
#   eSpeak NG: Schrank ʃraŋk, Eisschrank aɪsçraŋk, Eis-Schrank aɪsʃraŋk
#   epitran:   Schrank ʃraŋk, Eisschrank aɪ̯sxraŋk, Eis-Schrank aɪ̯s-ʃraŋk
#   gruut:     Schrank ʃʁaŋk, Eisschrank aeːsʃʁaŋk, Eis-Schrank ʔaɪ̯sʃʁaŋk
# eSpeak NG reads Hausschuh right and Eisschale as Eisschrank, so that it depends on
# the word; epitran has x in all of them, and gruut aeː for the ei. Of soweit, in
# another of the ten, epitran loses the w (zoːaɪ̯t), and gruut has ə iː for ei.
# What to do: write a hyphen between the parts of a compound before its phonemes are
# asked for (right with all three), and read the phonemes of a closed set of sentences
# once with one's own eyes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet phonemizer-fork==3.3.2 \
  espeakng-loader==0.2.4 epitran==1.35.3 gruut==2.4.0 gruut-lang-de==2.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import epitran
import espeakng_loader
import gruut
from phonemizer import phonemize
from phonemizer.backend.espeak.wrapper import EspeakWrapper

EspeakWrapper.set_library(espeakng_loader.get_library_path())
EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
print('eSpeak NG', '.'.join(map(str, EspeakWrapper().version)))


def espeak(word):
  return phonemize(word, language='de', backend='espeak', strip=True).strip()


german = epitran.Epitran('deu-Latn')


def by_gruut(word):
  (sentence,) = gruut.sentences(word, lang='de')
  return ''.join(p for each in sentence for p in each.phonemes or ())


READERS = {
  'eSpeak NG': espeak,
  'epitran': german.transliterate,
  'gruut': by_gruut,
}
WORDS = ('Schrank', 'Eisschrank', 'Eis-Schrank', 'Eisschale', 'Hausschuh', 'soweit')
found = {
  name: {word: read(word) for word in WORDS} for name, read in READERS.items()
}
for name, words in found.items():
  print(f'{name}: ' + ', '.join(f'{word} {said}' for word, said in words.items()))

for name, words in found.items():
  assert words['Schrank'].startswith('ʃ'), name
spoken, by_rules, by_model = (found[name] for name in READERS)
assert spoken['Eisschrank'] == 'aɪsçraŋk' and spoken['Eis-Schrank'] == 'aɪsʃraŋk'
assert 'sʃ' in spoken['Hausschuh'] and 'sç' in spoken['Eisschale']
assert 'sxr' in by_rules['Eisschrank'] and 'sx' in by_rules['Hausschuh']
assert 'v' not in by_rules['soweit'] and 'v' in spoken['soweit']
assert by_model['Eisschrank'].startswith('aeː') and 'ʃʁ' in by_model['Eisschrank']
assert 'aɪ̯sʃ' in by_model['Eis-Schrank'] and 'ʃr' in by_rules['Eis-Schrank']
assert by_model['soweit'].endswith('əiːt')
print('as described')
PYTHON
