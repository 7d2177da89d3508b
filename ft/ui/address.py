"""The address of the page: ?tab=&dataset=&run=, so that a link or a refresh lands where somebody was."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs

import gradio as gr
from gradio.events import Dependency

from ft.ui.page_policy import hash_of
from ft.ui.shared import TABS

_DATASET = re.compile(r"@upload|[A-Za-z0-9][A-Za-z0-9._-]{0,63}(@v[1-9][0-9]{0,8})?")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# What the address was is read before anything else runs: components that wake up write to it. Until the page has
# arrived where the address (or else the browser's memory) says, nothing is written. The tab is gone to in the browser,
# by a click once its button is there: the server's answer may come before Gradio has laid the tabs out, which then
# show the first one.
# Where a browser lets a frame keep nothing (a Space's, without third-party cookies), what the page would keep lasts
# until it is closed.
_SCRIPT = """
try {
  window.localStorage;
} catch {
  const kept = new Map();
  Object.defineProperty(window, "localStorage", {value: {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => { kept.set(name, String(value)); },
    removeItem: (name) => { kept.delete(name); },
  }});
}
window.sidetune = {
  link: location.search,
  tabs: TABS,
  arrived: false,
  write(change) {
    if (!this.arrived) return;
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(change)) {
      if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
    }
    history.replaceState(history.state, "", url);
  },
  button(tab) { return document.getElementById(`tab-${tab}-button`); },
  shown() { return this.tabs.find((tab) => this.button(tab)?.ariaSelected === "true"); },
  async arrive(change) {
    const asked = new URLSearchParams(this.link).get("tab");
    const wait = () => new Promise((done) => setTimeout(done, 50));
    while (!this.shown()) await wait();
    while (this.tabs.includes(asked) && this.shown() !== asked) {
      this.button(asked).click();
      await wait();
    }
    this.arrived = true;
    this.write(change);
    const follow = new MutationObserver(() => this.shown() && this.write({tab: this.shown()}));
    follow.observe(document.getElementById("steps"), {subtree: true, attributeFilter: ["aria-selected"]});
  },
};
""".replace("TABS", json.dumps(TABS))
HEAD = f"<script>{_SCRIPT}</script>"
HASHES = (hash_of(_SCRIPT),)  # Gradio adds what is given as head to the page as a script without a nonce
_READ = "(link, dataset, run) => [window.sidetune.link, dataset, run]"
_ARRIVE = "(dataset, run) => { window.sidetune.arrive({dataset, run}); return []; }"
_WRITE = "(dataset, run) => { window.sidetune.write({dataset, run}); return []; }"


def arrive(page: gr.Blocks, link: gr.Textbox, dataset: gr.BrowserState, run: gr.BrowserState) -> Dependency:
    """When the page opens, go where its address says. What is to follow is chained to the event that this returns.

    `link` is a hidden text box, which takes the address to the server.
    """
    arrival: Dependency = page.load(
        restore,
        [link, dataset, run],
        [dataset, run],
        js=_READ,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    arrival.then(None, [dataset, run], None, js=_ARRIVE, api_visibility="private")
    return arrival


def follow(dataset: gr.BrowserState, run: gr.BrowserState) -> None:
    """From then on, write to the address what somebody chooses; the tab is written by the page itself."""
    gr.on([dataset.change, run.change], None, [dataset, run], None, js=_WRITE, api_visibility="private")


def restore(link: str, dataset: object, run: object) -> tuple[str, str]:
    """The dataset and run that `link` ("?tab=chat&run=...") names; where it is silent, those of the browser.

    What cannot be the name of one is none: anybody may write a link, and a browser keeps what it named.
    """
    try:
        asked = {name: values[0] for name, values in parse_qs((link or "").removeprefix("?")).items()}
    except ValueError:  # more fields than anybody needs
        asked = {}
    return _named(asked.get("dataset", dataset), _DATASET), _named(asked.get("run", run), _RUN)


def _named(value: object, form: re.Pattern[str]) -> str:
    return value if isinstance(value, str) and form.fullmatch(value) else ""
