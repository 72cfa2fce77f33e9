"""Tools that know nothing of speech; every other room may import them.

- `errors`: `InputError`, a user's mistake in one sentence, and checks of fields
- `command_line`: exit codes of commands
- `interrupt`: SIGINT and SIGTERM as requests to save and stop
- `files`: writing a file whole or not at all, reading JSON, the cache folder
- `folders`: all files below a folder, and the states of many files
- `lazy`: public names of a room, loaded on first use
- `locks`: keeping other processes out of a folder
- `progress_bar`: a bar on a terminal, lines in a log
- `text` and `trees`: tables in text, names of nested settings
- `machine`: cores and memory
- `jax_setup`: settings of JAX that every command makes

Import the modules themselves; this package loads none of them.
"""
