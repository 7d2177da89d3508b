"""The address of the page: ?tab=&dataset=&run=, so that a link or a refresh lands where somebody was."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ft.ui.late_answers import NUMBER
from ft.ui.page_policy import hash_of
from ft.ui.shared import TABS
from ft.ui.tab import PRIVATE

_DATASET = r"^(@upload|[A-Za-z0-9][A-Za-z0-9._-]{0,63}(@v[1-9][0-9]{0,8})?)$"
_RUN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
# What the address was is read before anything else runs: components that wake up write to it. Until the page has
# arrived where the address (or else the browser's memory) says, nothing is written. What they name is worked out in the
# browser: an answer of the server could come after somebody has chosen already. What cannot be the name of a dataset or
# a run is none: anybody may write a link, and a browser keeps what it named. The tab is gone to by a click once its
# button is there: Gradio may lay the tabs out later, and then shows the first one.
# As a page opens, Gradio tells of changes and of chosen tabs that nobody brought about. At the arrival all tabs are
# drawn with what was restored: so a change is followed only where it is one, a chosen tab only afterwards.
# What the page asks is numbered: see `late_answers`.
# Where a browser lets a frame keep nothing (a Space's, without third-party cookies), what the page would keep lasts
# until it is closed.
SCRIPT = """
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
{
  const ask = window.fetch;
  let number = 0;
  window.fetch = (to, how) => {
    if (!String(to?.url ?? to).includes("/gradio_api/queue/join")) return ask(to, how);
    const headers = new Headers(how?.headers);
    headers.set("NUMBER", ++number);
    return ask(to, {...how, headers});
  };
}
let tellArrival;
window.sidetune = {
  link: location.search,
  tabs: TABS,
  arrived: false,
  arrival: new Promise((done) => { tellArrival = done; }),
  restored: null,
  seen: {},
  edits: 0,
  wait: () => new Promise((done) => setTimeout(done, 50)),
  write(change) {
    if (!this.arrived) return;
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(change)) {
      if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
    }
    history.replaceState(history.state, "", url);
  },
  restore(link, dataset, run, upload) {
    const asked = new URLSearchParams(link);
    const named = (value, form) => (typeof value === "string" && new RegExp(form).test(value) ? value : "");
    dataset = named(asked.get("dataset") || dataset, DATASET);
    run = named(asked.get("run") || run, RUN);
    this.restored = {dataset, run, upload};
    return [dataset, run];
  },
  require(holds) {
    if (!holds) throw new Error("drawn at the arrival"); // Gradio then asks nothing, nor what is chained to it
  },
  async changed(now) {
    this.require(this.restored);
    await this.arrival; // those who wait go on in the order in which they came
    const names = Object.keys(now);
    const told = (edits, values) => JSON.stringify([edits, ...names.map((name) => values[name] || "")]);
    const before = this.seen[names] ?? told(0, this.restored);
    this.seen[names] = told(this.edits, now);
    this.require(this.seen[names] !== before);
    return [];
  },
  once(values) {
    this.require(this.arrived);
    return values;
  },
  settle() {
    this.unsettled?.();
    return new Promise((done, drop) => {
      const timer = setTimeout(() => done([]), 30);
      this.unsettled = () => { clearTimeout(timer); drop(new Error("another change came")); };
    });
  },
  button(tab) { return document.getElementById(`tab-${tab}-button`); },
  shown() { return this.tabs.find((tab) => this.button(tab)?.ariaSelected === "true"); },
  async arrive() {
    const asked = new URLSearchParams(this.link).get("tab");
    while (!this.shown()) await this.wait();
    while (this.tabs.includes(asked) && this.shown() !== asked) {
      this.button(asked)?.click();
      await this.wait();
    }
    this.arrived = true;
    tellArrival();
    this.write({dataset: this.restored.dataset, run: this.restored.run});
    const follow = new MutationObserver(() => this.shown() && this.write({tab: this.shown()}));
    follow.observe(document.getElementById("steps"), {subtree: true, attributeFilter: ["aria-selected"]});
  },
};
"""
for name, value in {"TABS": TABS, "DATASET": _DATASET, "RUN": _RUN, '"NUMBER"': NUMBER}.items():
    SCRIPT = SCRIPT.replace(name, json.dumps(value))
HEAD = f"<script>{SCRIPT}</script>"
HASHES = (hash_of(SCRIPT),)  # Gradio adds what is given as head to the page as a script without a nonce
_RESTORE = "(...values) => window.sidetune.restore(window.sidetune.link, ...values)"
_ARRIVE = "() => { window.sidetune.arrive(); return []; }"
_WRITE = "async (NAME) => { await window.sidetune.changed({NAME}); window.sidetune.write({NAME}); return []; }"
_UPLOADED = "(upload) => window.sidetune.changed({upload})"
_SETTLE = """async (dataset, upload) => {
  await window.sidetune.changed({dataset, upload});
  return window.sidetune.settle();
}"""
# What the page does by itself. Where it stops, Gradio says "Error" to those who hear the page, unless that is hidden.
_HERE: dict[str, Any] = {"fn": None, "outputs": None, **PRIVATE}


def arrive(page: gr.Blocks, dataset: gr.BrowserState, run: gr.BrowserState, upload: gr.BrowserState) -> Dependency:
    """When the page opens, go where its address says: `dataset` and `run` become what it names ("?tab=chat&run=..."),
    or where it is silent, what the browser remembers. What is to follow is chained to the event that this returns."""
    both = [dataset, run]
    arrival: Dependency = page.load(None, [*both, upload], both, js=_RESTORE, api_visibility="private")
    arrival.then(js=_ARRIVE, **_HERE)
    return arrival


def follow(dataset: gr.BrowserState, run: gr.BrowserState) -> tuple[Dependency, Dependency]:
    """From then on, write to the address what somebody chooses; the tab is written by the page itself. Gives the event
    of each of the two: what is to follow it is chained to that."""
    wrote = [
        state.change(inputs=state, js=_WRITE.replace("NAME", name), **_HERE)
        for name, state in (("dataset", dataset), ("run", run))
    ]
    return wrote[0], wrote[1]


def looked_at(dataset: gr.BrowserState, upload: gr.BrowserState, edited: gr.State) -> Dependency:
    """The event that what the Data tab looks at has become another. Several changes at once, as when an upload is saved
    as a dataset, are one."""
    edited.change(js="() => { window.sidetune.edits += 1; return []; }", **_HERE)
    changes = [dataset.change, upload.change, edited.change]
    return gr.on(changes, inputs=[dataset, upload], js=_SETTLE, **_HERE)


def uploaded(upload: gr.BrowserState) -> Dependency:
    """The event that another upload is looked at, or another version of it."""
    changed: Dependency = upload.change(inputs=upload, js=_UPLOADED, **_HERE)
    return changed
