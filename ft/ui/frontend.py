"""Gradio's scripts for the browser, with one function made quicker.

Gradio 6.31 looks for a component by walking the whole page, and does so for dozens of components at each event: of what
a browser computed after a click, three quarters were that. Here the way to each is remembered, and gone again; where it
does not lead to the component any more, the page is walked as before. Where a later Gradio has another function, its
scripts are given as they are.
"""

from __future__ import annotations

import re
from pathlib import Path

from gradio.routes import BUILD_PATH_LIB

# function find(node, id), which gives the node with that id or null, as a bundler writes it.
_FIND = re.compile(
    r"function ([\w$]{1,3})\(([\w$]{1,3}),([\w$]{1,3})\)\{if\(\2\.id===\3\)return \2;"
    r"if\(\2\.children\)for\(let ([\w$]{1,3}) of \2\.children\)"
    r"\{let \2=\1\(\4,\3\);if\(\2\)return \2\}return null\}"
)
_QUICK = """function NAME(root, id) {
  const ways = NAME.ways ??= new Map();
  const known = ways.get(id);
  if (known) {
    let node = root;
    for (const place of known) node = node?.children?.[place];
    if (node?.id === id) return node;
  }
  const way = [];
  const walk = (node) => {
    if (node.id === id) return node;
    const children = node.children;
    for (let place = 0; place < (children?.length ?? 0); place++) {
      way.push(place);
      const found = walk(children[place]);
      if (found) return found;
      way.pop();
    }
    return null;
  };
  const found = walk(root);
  if (found) ways.set(id, way);
  return found;
}"""


def quick(script: str) -> str:
    """The script with that function made quicker, where it has it once."""
    found = list(_FIND.finditer(script))
    if len(found) != 1:
        return script
    (place,) = found
    return script[: place.start()] + _QUICK.replace("NAME", place[1]) + script[place.end() :]


def changed_scripts() -> dict[str, str]:
    """Those of Gradio's scripts that are given out otherwise than it has them: what they hold, by their file name."""
    originals = {path.name: path.read_text(encoding="utf-8") for path in Path(BUILD_PATH_LIB).glob("core-*.js")}
    return {name: ours for name, theirs in originals.items() if (ours := quick(theirs)) != theirs}
