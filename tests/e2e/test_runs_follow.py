"""What a page shows of runs follows them while it is looked at, whoever starts, renames or deletes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from synthetic_runs import events_of, write

from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.runs import deletion, directory, events
from ft.runs.directory import Run

pytestmark = pytest.mark.slow
LONG = 120_000  # milliseconds that an answer may take on a busy machine


@pytest.fixture
def home(app, monkeypatch) -> Path:
    """The app's home, with the sample as a dataset, and without a run."""
    monkeypatch.setenv("SIDETUNE_HOME", str(app.home))
    save(stage([sample_file()]), "sample")
    for run in directory.list_runs():
        shutil.rmtree(run.path)
    return app.home


def falling(epoch: float) -> float:
    return 4 - epoch


def adapter(run: Run) -> None:
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(b"weights")


def test_the_table_follows_runs_that_somebody_else_starts_renames_and_deletes(home: Path, app, page: Page):
    page.set_default_timeout(LONG)
    page.goto(f"{app.url}/?tab=runs")
    expect(page.get_by_text("No run yet").locator("visible=true").first).to_be_visible(timeout=LONG)
    first = write(home, "aaaa", events_of(falling, falling, steps=40))
    row = page.locator("tr", has=page.locator(f"[data-run='{first.id}']")).locator("visible=true")
    expect(row).to_contain_text("40 of 40", timeout=LONG)
    second = write(home, "bbbb", events_of(falling, None, steps=40, last=7, end=""), hour=1)
    other = page.locator("tr", has=page.locator(f"[data-run='{second.id}']")).locator("visible=true")
    expect(other).to_contain_text("7 of 40", timeout=LONG)
    events.append(second, "failed", what="no memory")
    expect(other).to_contain_text("Failed", timeout=LONG)
    directory.rename(first, "shorter replies")
    expect(row).to_contain_text("shorter replies", timeout=LONG)
    deletion.delete(first)
    expect(row).to_have_count(0, timeout=LONG)
    expect(other).to_have_count(1)


def test_the_comparison_follows_runs_that_go_on_end_and_are_called_otherwise(home: Path, app, page: Page):
    page.set_default_timeout(LONG)
    first = write(home, "aaaa", events_of(falling, falling, steps=40))
    second = write(home, "bbbb", events_of(falling, falling, steps=40, last=12, end=""), hour=1)
    page.goto(f"{app.url}/?tab=runs&compare={first.id},{second.id}")
    tables = page.locator(".bare table").locator("visible=true").first
    expect(tables).to_contain_text("aaaa", timeout=LONG)
    directory.rename(first, "shorter replies")
    expect(tables).to_contain_text("shorter replies", timeout=LONG)
    page.get_by_role("tab", name="Data").first.click()
    for event in events_of(falling, falling, steps=40)[len(events.read(second)) :]:
        events.append(second, event.pop("kind"), **{name: each for name, each in event.items() if name != "time"})
    directory.rename(second, "longer replies")
    page.wait_for_timeout(6_000)  # ticks that hear of it while it is not looked at
    page.get_by_role("tab", name="Runs").click()
    expect(tables).to_contain_text("longer replies", timeout=LONG)
    expect(tables).not_to_contain_text("Interrupted")
    deletion.delete(second)
    expect(tables).to_have_count(0, timeout=LONG)


def test_the_chat_follows_runs_that_get_an_adapter_and_keeps_the_one_that_was_chosen(home: Path, app, page: Page):
    page.set_default_timeout(LONG)
    first = write(home, "aaaa", events_of(falling, falling, steps=40))
    page.goto(f"{app.url}/?tab=chat")
    expect(page.get_by_role("heading", name="There is no tuned model to talk to yet")).to_be_visible(timeout=LONG)
    adapter(first)
    chosen = page.get_by_label("Tuned model (run)").locator("visible=true")
    expect(chosen).to_have_value(f"{first.name} · sample v1", timeout=LONG)
    page.get_by_label("Your message to both").fill("half a ques")
    adapter(write(home, "bbbb", events_of(falling, falling, steps=40), hour=1))
    chosen.click()
    expect(page.get_by_role("option")).to_have_count(2, timeout=LONG)
    expect(page.get_by_label("Your message to both")).to_have_value("half a ques")


# Answers of the queue of events are held back while `hold` is set, as by a slow line; ticks are answered at once.
HELD = """
const ask = window.fetch;
window.held = 0;
window.hold = (holds) => { window.holding = holds ? new Promise((go) => { window.release = go; }) : window.release(); };
window.fetch = async (...given) => {
  const answer = await ask(...given);
  if (!String(given[0]?.url ?? given[0]).includes("/queue/data")) return answer;
  const later = new TransformStream({
    async transform(piece, to) {
      if (window.holding && new TextDecoder().decode(piece).includes("process_completed")) window.held += 1;
      await window.holding;
      to.enqueue(piece);
    },
  });
  return new Response(answer.body.pipeThrough(later), {status: answer.status, headers: answer.headers});
};
"""


def test_an_answer_that_is_overtaken_by_a_tick_does_not_end_the_following(home: Path, app, page: Page):
    page.set_default_timeout(LONG)
    page.add_init_script(HELD)
    run = write(home, "aaaa", events_of(falling, falling, steps=40))
    adapter(run)
    page.goto(f"{app.url}/?tab=chat")
    chosen = page.get_by_label("Tuned model (run)")
    expect(chosen).to_have_value(f"{run.name} · sample v1", timeout=LONG)
    page.evaluate("window.hold(true)")
    page.get_by_role("tab", name="1 Data").click()
    page.get_by_role("tab", name="3 Chat").click()  # asks what there is
    page.wait_for_function("window.held > 0")
    page.wait_for_timeout(3_000)
    directory.rename(run, "shorter replies")
    expect(chosen).to_have_value("shorter replies · sample v1", timeout=LONG)  # by a tick
    page.evaluate("window.hold(false)")
    page.wait_for_timeout(3_000)  # the older answer is drawn
    expect(chosen).to_have_value("shorter replies · sample v1", timeout=LONG)
