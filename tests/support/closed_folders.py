"""Folders that may not be entered, also by an administrator."""

from __future__ import annotations

import errno
import os


def close(monkeypatch, name):
  """Makes every folder whose path ends with `name` one that is refused."""
  scandir = os.scandir

  def closed(path):
    if str(path).endswith(name):
      raise PermissionError(errno.EACCES, 'Permission denied', path)
    return scandir(path)

  monkeypatch.setattr(os, 'scandir', closed)
