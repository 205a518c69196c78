"""Without the extra langchain these tests are not collected."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("langchain") else ["*"]
