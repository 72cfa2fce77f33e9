"""Configuration of the documentation site.

  python -m sphinx -W --keep-going -b html docs site

The pages are Markdown that also reads well in a repository browser: links
between them are relative paths, and links out of docs/ are rewritten here. The
pages of experiments/ are copied to docs/experiments, which git ignores.
"""

from __future__ import annotations

import importlib
import itertools
import pathlib
import re
import shutil
import sys
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = pathlib.Path(__file__).parents[1].resolve()
sys.path.insert(0, str(ROOT))

import sernet_jax  # noqa: E402

project = 'sernet_jax'
release = version = sernet_jax.__version__
extensions = [
  'myst_parser',
  'sphinx.ext.autodoc',
  'sphinx.ext.napoleon',
  'sphinx_copybutton',
]
exclude_patterns = ['_build']

html_theme = 'furo'
html_title = 'sernet_jax'
html_static_path = ['_static']
html_css_files = ['tables.css']
html_copy_source = False
html_show_copyright = False
html_theme_options = {'navigation_with_keys': True}

myst_heading_anchors = 3
smartquotes = False
default_role = 'code'  # `x` in a docstring is code, as in Markdown
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [('Shapes', 'notes_style')]
autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_typehints_format = 'short'
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 70
copybutton_prompt_text = r'>>> |\.\.\. |\$ '
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True


_ALL_EXPERIMENTS = """
```{toctree}
:hidden:
:glob:

*/README
*/*/README
```
"""


def _copy_experiments() -> None:
  """Puts pages, pictures and records where their links expect them."""
  target = ROOT / 'docs/experiments'
  shutil.rmtree(target, ignore_errors=True)
  for source in (ROOT / 'experiments').rglob('*'):
    if source.suffix in ('.md', '.png', '.json'):
      place = target / source.relative_to(ROOT / 'experiments')
      place.parent.mkdir(parents=True, exist_ok=True)
      shutil.copy(source, place)


def _links(app: Sphinx, docname: str, source: list[str]) -> None:
  """Turns links of the repository into links of the site."""
  up = '../' * docname.count('/')
  text = source[0]
  # docs/ is the root of the site, and experiments/ lies in it.
  text = text.replace(f']({up}../experiments/', f']({up}experiments/')
  if docname.startswith('experiments/'):
    text = text.replace(f']({up}docs/', f']({up}')
  for name, page in {
    'README.md': 'index.md',
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
  }.items():
    text = text.replace(f']({up}../{name}', f']({up}{page}')
  text = re.sub(r'\[([-+\d.]+), ([-+\d.]+)\]', r'[\1,&nbsp;\2]', text)
  if docname == 'experiments/README':
    text += _ALL_EXPERIMENTS
  source[0] = text


def _load_public_names() -> None:
  """Makes names that a room loads when asked for visible to autodoc."""
  for path in (ROOT / 'sernet_jax').glob('*/__init__.py'):
    room = importlib.import_module(f'sernet_jax.{path.parent.name}')
    for name in getattr(room, '__all__', ()):
      setattr(room, name, getattr(room, name))


def _code_blocks(
  app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
  """Turns indented paragraphs of a module's docstring into code."""
  if what != 'module':
    return
  result: list[str] = []
  in_code = False
  for index, line in enumerate(lines):
    indented = line.startswith('  ')
    if indented and not in_code and not lines[index - 1].strip():
      rest = itertools.takewhile(lambda x: not x or x[0] == ' ', lines[index:])
      language = 'python' if 'import ' in ''.join(rest) else 'text'
      result += ['', f'.. code-block:: {language}', '']
    if line.strip():
      in_code = indented and (in_code or '.. code' in ''.join(result[-2:]))
    result.append(line)
  lines[:] = result


def _skip_fields(
  app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
  """Leaves out fields of named tuples, which their class describes."""
  alias = (getattr(obj, '__doc__', None) or '').startswith('Alias for field')
  return True if alias else None


def _require_no_network(app: Sphinx, exception: Exception | None) -> None:
  """Refuses a site that would load anything from elsewhere to be read."""
  if exception is not None or app.builder.name != 'html':
    return
  remote = re.compile(
    r'<(?:script|img|iframe|source)\b[^>]*\bsrc="(?:https?:)?//'
    r'|<link\b[^>]*\brel="stylesheet"[^>]*\bhref="(?:https?:)?//'
    r'|@import|url\(["\']?(?:https?:)?//'
  )
  for path in pathlib.Path(app.outdir).rglob('*'):
    if path.suffix in ('.html', '.css'):
      found = remote.search(path.read_text(encoding='utf-8'))
      if found:
        raise ExtensionError(f'{path} loads from the network: {found[0]}')


def setup(app: Sphinx) -> None:
  """Copies the experiments' pages; registers what else is done here."""
  _copy_experiments()
  _load_public_names()
  app.connect('source-read', _links)
  app.connect('autodoc-process-docstring', _code_blocks, priority=400)
  app.connect('autodoc-skip-member', _skip_fields)
  app.connect('build-finished', _require_no_network)
