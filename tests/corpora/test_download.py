"""Fetching a corpus: broken lines, strange servers, bad archives.

Everything is served from 127.0.0.1 by a real HTTP server.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import http.server
import io
import os
import pathlib
import re
import shlex
import stat
import threading
import zipfile

import numpy as np
import pytest

from sernet_jax.common import files as files_lib, locks
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import archive, download, fetch, registry
from sernet_jax.corpora.readers import emodb, openly_licensed
from sernet_jax.corpora.readers.archives import Archive

FILES = {
  f'{number:02}a01Fa.wav': np.random.default_rng(number).bytes(9000)
  for number in range(8)
}
SUMS = {
  name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()
}


def make_zip(files=FILES, folder='wav/', extra=()):
  """A ZIP archive of {name: content} in `folder`, and of `extra` members."""
  target = io.BytesIO()
  with zipfile.ZipFile(target, 'w') as archive:
    archive.writestr('readme.txt', 'hello')
    for name, content in files.items():
      archive.writestr(folder + name, content)
    for name, content in extra:
      archive.writestr(name, content)
  return target.getvalue()


class Server(http.server.ThreadingHTTPServer):
  """Serves `content` and misbehaves as told.

  Attributes:
    content: what every path gives.
    etag: the ETag, or '' for none.
    cut_after: for each coming answer, the bytes after which it breaks off.
    knows_range: whether Range is understood.
    states_size: whether the length is told.
    statuses: for each coming answer, an error to give instead.
    shift: how far behind the place asked for it continues.
    ranges: the Range headers that came in.
  """

  daemon_threads = True

  def __init__(self):
    super().__init__(('127.0.0.1', 0), Handler)
    self.content = make_zip()
    self.etag = '"one"'
    self.cut_after = []
    self.knows_range = True
    self.states_size = True
    self.statuses = []
    self.shift = 0
    self.ranges = []

  @property
  def url(self):
    return f'http://127.0.0.1:{self.server_port}/download.zip'


class Handler(http.server.BaseHTTPRequestHandler):
  def do_GET(self):
    server = self.server
    asked = self.headers.get('Range')
    server.ranges.append(asked)
    if server.statuses:
      self.send_error(server.statuses.pop(0))
      return
    start, total = 0, len(server.content)
    same = self.headers.get('If-Range') in (None, server.etag)
    if asked and server.knows_range and same:
      start = int(re.fullmatch(r'bytes=(\d+)-', asked)[1])
      if start >= total:
        self.send_error(416)
        return
      start += server.shift
      self.send_response(206)
      self.send_header('Content-Range', f'bytes {start}-{total - 1}/{total}')
    else:
      self.send_response(200)
    if server.etag:
      self.send_header('ETag', server.etag)
    if server.states_size:
      self.send_header('Content-Length', str(total - start))
    self.end_headers()
    body = server.content[start:]
    if server.cut_after:
      body = body[: server.cut_after.pop(0)]
    with contextlib.suppress(ConnectionError):
      self.wfile.write(body)

  def log_message(self, *_):
    pass


@pytest.fixture
def server(monkeypatch):
  monkeypatch.setenv('no_proxy', '127.0.0.1')
  server = Server()
  thread = threading.Thread(target=server.serve_forever, args=(0.01,))
  thread.start()
  yield server
  server.shutdown()
  thread.join()
  server.server_close()


def get(server, root, sums=SUMS):
  return download.download(root, server.url, sums, pause_s=0)


def content_of(folder):
  return {path.name: path.read_bytes() for path in folder.iterdir()}


def part_of(root):
  return root / '.download/archive.zip.part'


def test_the_list_has_the_535_recordings():
  sums = download.emodb_sums()
  assert len(sums) == emodb.PUBLISHED.utterances
  assert all(len(value) == 64 for value in sums.values())
  for name in sums:
    utterance = emodb.parse(pathlib.Path(name))
    assert utterance.speaker in emodb.SPEAKERS


def test_the_real_corpus_has_the_listed_sums():
  root = os.environ.get('SERNET_EMODB') or files_lib.cache_dir() / 'emodb'
  wav = pathlib.Path(root) / 'wav'
  if not wav.is_dir():
    pytest.skip('EMO-DB is absent: set SERNET_EMODB or download it')
  assert download.wrong_files(wav, download.emodb_sums()) == []


def test_a_download_leaves_the_recordings_and_nothing_else(server, tmp_path):
  root = tmp_path / 'deep/emodb'
  assert get(server, root) == root / 'wav'
  assert content_of(root / 'wav') == FILES
  assert [path.name for path in root.iterdir()] == ['wav']
  assert server.ranges == [None]


@pytest.mark.parametrize('folder', ['', 'EmoDB/wav/'])
def test_the_folder_inside_the_archive_does_not_matter(
  server, tmp_path, folder
):
  server.content = make_zip(folder=folder)
  assert content_of(get(server, tmp_path)) == FILES


def test_a_whole_corpus_is_left_alone(server, tmp_path):
  get(server, tmp_path)
  (tmp_path / 'wav/notes.txt').write_text('mine')
  before = (tmp_path / 'wav/00a01Fa.wav').stat().st_mtime_ns
  assert get(server, tmp_path) == tmp_path / 'wav'
  assert get(server, tmp_path / 'wav') == tmp_path / 'wav'
  assert len(server.ranges) == 1
  assert (tmp_path / 'wav/00a01Fa.wav').stat().st_mtime_ns == before


def test_a_damaged_corpus_is_made_whole(server, tmp_path):
  get(server, tmp_path)
  (tmp_path / 'wav/00a01Fa.wav').write_bytes(b'damage')
  (tmp_path / 'wav/01a01Fa.wav').unlink()
  assert content_of(get(server, tmp_path)) == FILES


def test_files_of_the_user_are_not_thrown_away(server, tmp_path):
  (tmp_path / 'wav').mkdir()
  (tmp_path / 'wav/mine.wav').write_bytes(b'mine')
  with pytest.raises(
    InputError, match=r'do not belong to the corpus: mine\.wav'
  ):
    get(server, tmp_path)
  assert content_of(tmp_path / 'wav') == {'mine.wav': b'mine'}


def test_a_broken_line_goes_on_where_it_stopped(server, tmp_path):
  server.cut_after = [20_000, 10_000]
  assert content_of(get(server, tmp_path)) == FILES
  assert server.ranges == [None, 'bytes=20000-', 'bytes=30000-']


def test_a_later_command_goes_on_too(server, tmp_path):
  server.cut_after = [20_000]
  server.statuses = []
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(fetch, 'TRIES', 1)
    with pytest.raises(InputError, match='ended after 20000 of'):
      get(server, tmp_path)
  assert not (tmp_path / 'wav').exists()
  assert part_of(tmp_path).stat().st_size == 20_000
  assert content_of(get(server, tmp_path)) == FILES
  assert server.ranges == [None, 'bytes=20000-']


def test_an_interrupted_command_keeps_what_it_has(
  server, tmp_path, monkeypatch
):
  read = fetch.http.client.HTTPResponse.read
  chunks = []

  def interrupted(response, amount):
    chunks.append(amount)
    if len(chunks) == 3:
      raise KeyboardInterrupt
    return read(response, 16_384)

  with monkeypatch.context() as patch:
    patch.setattr(fetch.http.client.HTTPResponse, 'read', interrupted)
    with pytest.raises(KeyboardInterrupt):
      get(server, tmp_path)
  assert part_of(tmp_path).stat().st_size == 32_768
  assert content_of(get(server, tmp_path)) == FILES
  assert server.ranges[1] == 'bytes=32768-'


def test_a_server_without_range_starts_over(server, tmp_path):
  server.knows_range = False
  server.cut_after = [20_000]
  assert content_of(get(server, tmp_path)) == FILES
  assert server.ranges == [None, 'bytes=20000-']


@pytest.mark.parametrize('etag', ['"two"', ''])
def test_another_file_on_the_server_starts_over(server, tmp_path, etag):
  """With an ETag by If-Range, without one by the size."""
  server.etag = etag and '"one"'
  new, server.content = server.content, np.random.default_rng(0).bytes(50_000)
  server.cut_after = [20_000]
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(fetch, 'TRIES', 1)
    with pytest.raises(InputError):
      get(server, tmp_path)
  server.content, server.etag = new, etag
  assert content_of(get(server, tmp_path)) == FILES


def test_a_part_longer_than_the_file_starts_over(server, tmp_path):
  server.etag = ''
  part = part_of(tmp_path)
  part.parent.mkdir()
  part.write_bytes(bytes(200_000))
  fetch._note(part).write_text(f'{{"url": "{server.url}", "size": 300000}}')
  assert content_of(get(server, tmp_path)) == FILES
  assert server.ranges == ['bytes=200000-', None]


def test_a_part_of_another_address_is_not_continued(server, tmp_path):
  part = part_of(tmp_path)
  part.parent.mkdir()
  part.write_bytes(bytes(2000))
  fetch._note(part).write_text('{"url": "http://elsewhere", "size": 300000}')
  assert content_of(get(server, tmp_path)) == FILES
  assert server.ranges == [None]


def test_a_damaged_note_only_costs_the_part(server, tmp_path):
  part = part_of(tmp_path)
  part.parent.mkdir()
  part.write_bytes(bytes(2000))
  fetch._note(part).write_text('{"url": ')
  assert content_of(get(server, tmp_path)) == FILES


def test_an_answer_without_a_length_is_taken_as_it_comes(server, tmp_path):
  server.states_size = False
  assert content_of(get(server, tmp_path)) == FILES


def test_a_busy_server_is_asked_again(server, tmp_path, capsys):
  server.statuses = [503, 429]
  assert content_of(get(server, tmp_path)) == FILES
  assert (
    'the server answers 503; trying again in 0 s' in capsys.readouterr().err
  )


def test_it_gives_up_after_some_tries(server, tmp_path):
  server.statuses = [500] * 99
  with pytest.raises(InputError, match='the server answers 500'):
    get(server, tmp_path)
  assert len(server.ranges) == fetch.TRIES


def test_a_missing_page_is_not_asked_for_again(server, tmp_path):
  server.statuses = [404] * 9
  with pytest.raises(InputError, match=r'answers 404 .*--url'):
    get(server, tmp_path)
  assert len(server.ranges) == 1
  assert not (tmp_path / 'wav').exists()


@pytest.mark.parametrize(
  ('url', 'words'),
  [
    ('http://127.0.0.1:1/x.zip', 'cannot be downloaded'),
    ('ftp://127.0.0.1/x.zip', 'starts with http'),
    ('download.zip', 'starts with http'),
    ('http://127.0.0.1:port/x.zip', 'not an address'),
    ('http://127.0.0.1/ü.zip', 'not an address'),
  ],
)
def test_an_address_that_leads_nowhere(tmp_path, monkeypatch, url, words):
  monkeypatch.setenv('no_proxy', '127.0.0.1')
  with pytest.raises(InputError, match=words) as caught:
    download.download(tmp_path, url, SUMS, pause_s=0)
  assert url in str(caught.value)


def test_a_server_that_never_continues_where_it_stopped_is_given_up(
  server, tmp_path, capsys
):
  """It breaks off and answers Range with another part, for ever."""
  server.cut_after = [20_000] * 99
  server.shift = 1
  with pytest.raises(InputError, match='cannot be downloaded'):
    get(server, tmp_path)
  assert len(server.ranges) <= fetch.TRIES
  assert 'another part than was asked for' in capsys.readouterr().err


@pytest.mark.parametrize('states_size', [True, False])
def test_a_file_without_end_is_given_up(
  server, tmp_path, monkeypatch, states_size
):
  monkeypatch.setattr(fetch, 'MAX_BYTES', 30_000)
  server.states_size = states_size
  with pytest.raises(InputError, match='30000'):
    get(server, tmp_path)


def test_a_wrong_sum_is_named_and_nothing_appears(server, tmp_path):
  good = server.content
  files = dict(FILES)
  files['03a01Fa.wav'] = b'other'
  del files['05a01Fa.wav']
  server.content = make_zip(files)
  with pytest.raises(InputError) as caught:
    get(server, tmp_path)
  message = str(caught.value)
  assert '2 of 8 files' in message
  assert '03a01Fa.wav has another sum' in message
  assert '05a01Fa.wav is missing' in message
  assert not (tmp_path / 'wav').exists()
  server.content = good
  assert content_of(get(server, tmp_path)) == FILES  # the archive was dropped


@pytest.mark.parametrize(
  'name',
  [
    '../00a01Fa.wav',
    'wav/../../00a01Fa.wav',
    '/tmp/00a01Fa.wav',
    'C:/00a01Fa.wav',
    '..\\00a01Fa.wav',
  ],
)
def test_a_name_that_leads_out_is_refused(server, tmp_path, name):
  server.content = make_zip(extra=[(name, b'evil')])
  with pytest.raises(InputError, match='a way out of its folder'):
    get(server, tmp_path / 'emodb')
  assert [path.name for path in tmp_path.iterdir()] == ['emodb']
  assert not (tmp_path / 'emodb/wav').exists()


def test_a_link_is_refused(server, tmp_path):
  link = zipfile.ZipInfo('wav/00a01Fa.wav')
  link.external_attr = (stat.S_IFLNK | 0o777) << 16
  files = {k: v for k, v in FILES.items() if k != '00a01Fa.wav'}
  server.content = make_zip(files, extra=[(link, b'/etc/passwd')])
  with pytest.raises(InputError, match='a link or a way out'):
    get(server, tmp_path)


def test_a_member_that_unpacks_without_end_is_refused(
  server, tmp_path, monkeypatch
):
  monkeypatch.setattr(archive, 'MAX_FILE_BYTES', 10_000)
  files = FILES | {'00a01Fa.wav': bytes(20_000)}
  server.content = make_zip(files)
  with pytest.raises(InputError, match='to more than 10000 bytes'):
    get(server, tmp_path)


def test_what_is_no_zip_archive_is_refused_and_dropped(server, tmp_path):
  good = server.content
  for content in (b'<html>Please log in</html>', good[:-3000], b''):
    server.content = content
    with pytest.raises(InputError, match='not a readable ZIP archive'):
      get(server, tmp_path)
    assert not (tmp_path / 'wav').exists()
  server.content = good
  assert content_of(get(server, tmp_path)) == FILES


@pytest.mark.parametrize('kind', [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_another_compression_that_is_damaged_is_dropped_too(
  server, tmp_path, kind
):
  good = server.content
  target = io.BytesIO()
  with zipfile.ZipFile(target, 'w', kind) as file:
    for name, content in FILES.items():
      file.writestr(f'wav/{name}', content)
  content = bytearray(target.getvalue())
  content[5000:5100] = bytes(100)
  server.content = bytes(content)
  with pytest.raises(InputError, match='not a readable ZIP archive'):
    get(server, tmp_path)
  server.content = good
  assert content_of(get(server, tmp_path)) == FILES


def test_a_name_that_is_not_text_is_one_sentence(server, tmp_path):
  good = server.content
  server.content = make_zip(extra=[('wav/ä.txt', b'')]).replace(
    'ä'.encode(), b'\xff\xfe'
  )
  with pytest.raises(InputError, match='not a readable ZIP archive'):
    get(server, tmp_path)
  server.content = good
  assert content_of(get(server, tmp_path)) == FILES


def test_a_damaged_member_is_refused(server, tmp_path):
  place = server.content.index(FILES['03a01Fa.wav'])
  server.content = (
    server.content[:place] + b'xxxx' + server.content[place + 4 :]
  )
  with pytest.raises(InputError, match='not a readable ZIP archive'):
    get(server, tmp_path)


@pytest.mark.parametrize('where', ['open', 'mkdir', 'write_bytes', 'rename'])
def test_a_full_disk_is_one_sentence(server, tmp_path, monkeypatch, where):
  def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  with monkeypatch.context() as patch:
    patch.setattr(pathlib.Path, where, full)
    with pytest.raises(InputError, match=r'No space left.*--root'):
      get(server, tmp_path / 'emodb')
  assert not (tmp_path / 'emodb/wav').exists()
  assert content_of(get(server, tmp_path / 'emodb')) == FILES


def test_two_at_once_are_kept_apart(server, tmp_path):
  pytest.importorskip('fcntl')
  scratch = tmp_path / '.download'
  scratch.mkdir()
  with (
    download._only_one(scratch),
    pytest.raises(InputError, match='another download into'),
  ):
    get(server, tmp_path)


@pytest.mark.parametrize('way', ['emodb', 'archive'])
def test_what_another_process_made_meanwhile_is_taken(
  server, tmp_path, monkeypatch, way
):
  """It ended between the look at the folder and the lock."""
  made = made_archive(server)

  def download_it():
    if way == 'emodb':
      return get(server, tmp_path)
    return download.download_archive(tmp_path, made, pause_s=0)

  only_one = download._only_one

  @contextlib.contextmanager
  def after_another(scratch):
    monkeypatch.setattr(download, '_only_one', only_one)
    download_it()
    scratch.mkdir()
    with only_one(scratch):
      yield

  monkeypatch.setattr(download, '_only_one', after_another)
  folder = download_it()
  assert len(server.ranges) == 1
  assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize('way', ['emodb', 'archive'])
def test_scratch_is_deleted_while_nobody_else_can_be_there(
  server, tmp_path, monkeypatch, way
):
  pytest.importorskip('fcntl')
  delete, deleted = download.shutil.rmtree, []

  def watched(path, **options):
    if path.name == '.download':
      with pytest.raises(locks.Held), locks.hold(path / 'lock'):
        pass
      deleted.append(path)
    delete(path, **options)

  monkeypatch.setattr(download.shutil, 'rmtree', watched)
  if way == 'emodb':
    get(server, tmp_path)
  else:
    download.download_archive(tmp_path, made_archive(server), pause_s=0)
  assert deleted == [tmp_path / '.download']


def test_the_command_says_where_and_what_next(
  server, tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(download, 'emodb_sums', lambda: SUMS)
  root = tmp_path / 'my corpora'
  arguments = ['emodb', f'--root={root}', f'--url={server.url}']
  assert download.main(arguments) == 0
  output = capsys.readouterr().out
  assert f'8 recordings, all as published, are in {root}/wav' in output
  command = shlex.split(output.split('next: ')[1])
  assert command[-2:] == [
    '--config=configs/emodb.py',
    f'--config.data.root={root}/wav',
  ]


def made_archive(server, **changes):
  """An archive as a publisher may have it: folders, a list, other things."""
  server.content = make_zip(
    FILES,
    'corpus/audio/',
    [
      ('corpus/metadata/samples.csv', b'file_name\n'),
      ('corpus/paper.pdf', b'long'),
      ('__MACOSX/corpus/audio/._00a01Fa.wav', b'x'),
      ('corpus/.DS_Store.wav', b'x'),
      ('corpus/audio/F_3].wav', b'odd'),
    ],
  )
  facts = {
    'url': server.url,
    'md5': hashlib.md5(server.content, usedforsecurity=False).hexdigest(),
    'max_bytes': len(server.content),
  }
  return Archive(**{**facts, **changes})


def test_a_whole_archive_becomes_a_folder_in_one_step(server, tmp_path):
  made = made_archive(server)
  server.cut_after = [20_000]
  folder = download.download_archive(tmp_path / 'x', made, pause_s=0)
  assert folder == tmp_path / 'x/recordings'
  assert sorted(p.name for p in (folder / 'corpus/audio').iterdir()) == [
    *FILES,
    'F_3].wav',
  ]
  assert content_of(folder / 'corpus/audio').items() >= FILES.items()
  assert sorted(p.name for p in (folder / 'corpus').iterdir()) == [
    'audio',
    'metadata',
  ]
  assert [p.name for p in (tmp_path / 'x').iterdir()] == ['recordings']
  assert server.ranges == [None, 'bytes=20000-']
  download.download_archive(tmp_path / 'x', made, pause_s=0)
  assert len(server.ranges) == 2  # it is there


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'md5': '0' * 32}, 'has the MD5 sum .*, and 00000.* is published'),
    ({'max_bytes': 30_000}, 'more than the 30000 expected'),
  ],
)
def test_another_archive_than_the_published_one(
  server, tmp_path, changes, words
):
  made = made_archive(server)
  wrong = dataclasses.replace(made, **changes)
  with pytest.raises(InputError, match=words):
    download.download_archive(tmp_path, wrong, pause_s=0)
  assert not (tmp_path / 'recordings').exists()
  assert download.download_archive(tmp_path, made, pause_s=0).is_dir()


@pytest.mark.parametrize(
  ('extra', 'words'),
  [
    (('../x.wav', b'evil'), 'a way out of its folder'),
    (('corpus/big.wav', bytes(20_000)), 'to more than 10000 bytes'),
  ],
)
def test_an_archive_that_cannot_be_unpacked(
  server, tmp_path, monkeypatch, extra, words
):
  monkeypatch.setattr(archive, 'MAX_FILE_BYTES', 10_000)
  server.content = make_zip(extra=[extra])
  md5 = hashlib.md5(server.content, usedforsecurity=False).hexdigest()
  made = Archive(server.url, md5, 1 << 20)
  with pytest.raises(InputError, match=words):
    download.download_archive(tmp_path / 'x', made, pause_s=0)
  assert [path.name for path in tmp_path.iterdir()] == ['x']
  assert not (tmp_path / 'x/recordings').exists()


def test_an_archive_that_grows_without_end_or_holds_nothing(
  server, tmp_path, monkeypatch
):
  made = made_archive(server)
  with monkeypatch.context() as patch:
    patch.setattr(archive, 'MAX_ALL_BYTES', 30_000)
    with pytest.raises(InputError, match='unpacks to more than 30000 bytes'):
      download.download_archive(tmp_path, made, pause_s=0)
  server.content = make_zip({}, extra=[('paper.pdf', b'x')]).replace(
    b'readme.txt', b'readme.doc'
  )
  md5 = hashlib.md5(server.content, usedforsecurity=False).hexdigest()
  made = Archive(server.url, md5, 1 << 20)
  with pytest.raises(InputError, match='holds no recordings'):
    download.download_archive(tmp_path, made, pause_s=0)


def test_the_table_says_what_can_be_downloaded():
  found = {name for name, e in registry.CORPORA.items() if e.archive}
  assert found == {'emozionalmente', 'subesco'}
  for name in found:
    entry = registry.CORPORA[name]
    assert entry.archive.url.startswith(f'{entry.published.source}/files/')
    assert re.fullmatch('[0-9a-f]{32}', entry.archive.md5)
    assert entry.published.licence == 'CC BY 4.0'


def test_the_command_fetches_a_corpus_of_the_table(
  server, tmp_path, monkeypatch, capsys
):
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  server.content = make_zip(
    {f'F_01_X_S_1_{word}_1.wav': b'x' for word in ('ANGRY', 'SAD')}, 'SUBESCO/'
  )
  md5 = hashlib.md5(server.content, usedforsecurity=False).hexdigest()
  entry = dataclasses.replace(
    registry.CORPORA['subesco'], archive=Archive(server.url, md5, 1 << 20)
  )
  monkeypatch.setitem(registry.CORPORA, 'subesco', entry)
  assert download.main(['subesco']) == 0
  output = capsys.readouterr().out
  assert f'is in {tmp_path}/subesco/recordings (license: CC BY 4.0;' in output
  command = shlex.split(output.split('next: ')[1])
  assert command[-2:] == ['--config.data.corpus=subesco', '--mode=inspect']
  corpus = openly_licensed.subesco(tmp_path / 'subesco')
  assert [u.label for u in corpus.utterances] == ['anger', 'sadness']


@pytest.mark.parametrize(
  ('name', 'words'),
  [
    ('jl', 'get it at https://www.kaggle.com/datasets/tli725/jl-corpus (CC0)'),
    ('subsco', "did you mean 'subesco'?"),
  ],
)
def test_a_corpus_that_is_not_downloaded(tmp_path, capsys, name, words):
  assert download.main([name, f'--root={tmp_path}']) == 2
  assert words in capsys.readouterr().err


def test_the_command_fails_in_one_line(server, tmp_path, capsys):
  server.statuses = [404]
  arguments = ['emodb', f'--root={tmp_path}', f'--url={server.url}']
  assert download.main(arguments) == 2
  output = capsys.readouterr()
  assert output.out == ''
  assert output.err.startswith('error: http://127.0.0.1')
  assert output.err.count('\n') == 1


def test_the_command_goes_to_the_cache_by_default(
  server, tmp_path, monkeypatch
):
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  monkeypatch.setattr(download, 'emodb_sums', lambda: SUMS)
  assert download.main(['emodb', f'--url={server.url}']) == 0
  assert content_of(tmp_path / 'emodb/wav') == FILES
  folder = tmp_path / registry.CORPORA['emodb'].folder
  assert len(emodb.emodb(folder).utterances) == len(FILES)


def test_what_a_kill_at_the_very_end_left_is_deleted(server, tmp_path):
  """All is in its place, but the archive, of gigabytes, was still there."""
  get(server, tmp_path)
  scratch = tmp_path / '.download'
  scratch.mkdir()
  (scratch / 'archive.zip').write_bytes(b'PK')
  asked = len(server.ranges)
  with locks.hold(scratch / 'lock'):  # of another download
    get(server, tmp_path)
    assert (scratch / 'archive.zip').exists()
  assert content_of(get(server, tmp_path)) == FILES
  assert not scratch.exists()
  assert len(server.ranges) == asked
