"""Gradio's function that finds a component, made quicker: it finds the same, whatever becomes of the page."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from gradio.routes import BUILD_PATH_LIB

from ft.ui.frontend import _FIND, changed_scripts, quick

pytestmark = pytest.mark.slow
COMPARED = """([theirs, ours, name]) => {
  const [plain, quick] = [theirs, ours].map((source) => new Function(`${source}; return ${name};`)());
  let seed = 7, next = 0;
  const draw = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const some = (depth) => Array.from({length: draw(5)}, () => node(depth - 1));
  const node = (depth) => ({id: next++, children: depth ? some(depth) : undefined});
  const root = node(5), wrong = [];
  for (let round = 0; round < 300; round++) {
    const parent = plain(root, draw(next)) ?? root;
    parent.children ??= [];
    const at = draw(parent.children.length + 1);
    [() => parent.children.splice(at, 1), () => parent.children.splice(at, 0, node(2)), () => parent.children.reverse(),
     () => { parent.children = parent.children.map((child) => ({...child})); }][draw(4)]();
    for (let id = -1; id <= next; id++) if (plain(root, id) !== quick(root, id)) wrong.push([round, id]);
  }
  return [next, wrong];
}"""


def test_it_finds_what_gradio_s_own_finds_also_in_a_page_that_changes(browser):
    (script,) = (path.read_text(encoding="utf-8") for path in Path(BUILD_PATH_LIB).glob("core-*.js"))
    theirs = _FIND.search(script)
    assert theirs is not None, "Gradio has another function now: see ft/ui/frontend.py"
    page = browser.new_page()
    nodes, wrong = page.evaluate(COMPARED, [theirs[0], quick(theirs[0]), theirs[1]])
    page.close()
    assert nodes > 300 and wrong == []


def test_the_page_gets_it(page, app):
    (name,) = changed_scripts()
    with page.expect_response(re.compile(re.escape(name))) as answered:
        page.goto(app.url)
    page.wait_for_function("window.sidetune?.arrived")
    text = answered.value.text()
    headers = answered.value.headers
    assert text == changed_scripts()[name] and headers["content-type"].startswith("text/javascript")
    # Gradio has another script of that name: no browser may take the one for the other, here or at another port.
    assert headers["cache-control"] == "no-cache"
    again = httpx.get(answered.value.url, headers={"if-none-match": headers["etag"]})
    assert again.status_code == 304 and again.headers["cache-control"] == "no-cache"
