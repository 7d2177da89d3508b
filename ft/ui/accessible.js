// What Gradio 6.31 leaves out for those who hear the page or use its keyboard.
(() => {
  const READING_TIME = 15000; // milliseconds that a message in the corner stays after the last word in it
  const OFF_TIME = 3000; // milliseconds that a button may be off for the time of its answer
  const CAN_HOLD_FOCUS =
    "a[href], button:enabled:not(.stop), textarea:enabled, select:enabled, summary, [tabindex='0']," +
    "input:enabled:not([type=file], [role=combobox])"; // a list of choices would open, and a second Enter stop or delete
  const seen = (element) => element.isConnected && element.checkVisibility({visibilityProperty: true});

  // A fold says whether it is open, and its arrow is no part of its name.
  const nameFolds = () => {
    for (const fold of document.querySelectorAll("button.label-wrap")) {
      const open = String(fold.classList.contains("open"));
      if (fold.ariaExpanded !== open) fold.ariaExpanded = open;
      fold.querySelector(".icon")?.setAttribute("aria-hidden", "true");
    }
  };

  // The place for files is named by the words on it. What takes its place once files are there is a button in a button,
  // of which the inner one acts and neither has a name: the outer one gets the name, and acts too.
  const nameUploads = () => {
    for (const place of document.querySelectorAll("button.upload-container[aria-label]:not(.icon-mode)")) {
      place.removeAttribute("aria-label");
    }
    for (const inner of document.querySelectorAll("button.upload-container.icon-mode:not([inert])")) {
      const outer = inner.parentElement.closest("button");
      if (!outer) continue;
      inner.inert = true;
      outer.ariaLabel = outer.title = "Add more files";
      outer.addEventListener("click", ({target}) => { if (!inner.contains(target)) inner.click(); });
    }
  };

  // Gradio calls both logs the same, and lets no keyboard in to scroll them.
  const nameLogs = () => {
    for (const side of ["base", "tuned"]) {
      for (const log of document.querySelectorAll(`#chat-${side} [role=log]`)) {
        log.ariaLabel = `Conversation with the ${side} model`;
        log.tabIndex = 0;
      }
    }
  };

  // A message in the corner goes when it had time to be read, and an error when it is closed. Gradio would close all
  // messages when the time of the first one is over.
  const messages = new WeakMap();
  const closeMessages = () => {
    for (const box of document.querySelectorAll("[data-testid=toast-body]")) {
      // What closes it is a button within a button.
      for (const head of box.querySelectorAll("[role=button][tabindex]")) {
        head.removeAttribute("role");
        head.removeAttribute("tabindex");
      }
      const known = messages.get(box) ?? {};
      const count = box.querySelectorAll("[data-testid=toast-text]").length;
      if (known.count === count || box.matches(".error")) continue;
      clearTimeout(known.timer);
      const close = () => {
        if (box.matches(":hover, :focus-within")) known.timer = setTimeout(close, READING_TIME);
        else box.querySelector("[data-testid=toast-close]")?.click();
      };
      known.count = count;
      known.timer = setTimeout(close, READING_TIME);
      messages.set(box, known);
    }
  };

  // Where what had the focus goes away, the focus goes on to what stands next, or to the tab that was gone to.
  let last = null;
  const place = (element) => {
    const steps = [];
    for (let each = element; each.parentElement; each = each.parentElement) {
      steps.push([each.parentElement, each.previousElementSibling]);
    }
    return {element, steps};
  };
  const next = ({steps}) => {
    for (const [parent, before] of steps) {
      if (!seen(parent)) continue;
      if (parent.matches(".tabs")) return [...parent.querySelectorAll("[role=tab][aria-selected=true]")].find(seen);
      const all = [...parent.querySelectorAll(CAN_HOLD_FOCUS)].filter(seen);
      const behind = (each) => before.compareDocumentPosition(each) === Node.DOCUMENT_POSITION_FOLLOWING;
      const found = (before?.isConnected ? all.find(behind) : all[0]) ?? all.at(-1);
      if (found) return found;
    }
  };
  const keepFocus = () => {
    if (!last || document.activeElement !== document.body) return;
    if (!seen(last.element)) next(last)?.focus({preventScroll: true});
    else if (last.element.matches(":enabled") && last.disabled) last.element.focus({preventScroll: true});
    else if (!last.element.matches(":disabled")) last.disabled = false;
    else if (!last.disabled) {
      last.disabled = true;
      const off = last;
      setTimeout(() => {
        const lost = last === off && document.activeElement === document.body && off.element.matches(":disabled");
        if (lost) next(off)?.focus({preventScroll: true});
      }, OFF_TIME);
    }
  };
  document.addEventListener("focusin", ({target}) => { last = place(target); });
  document.addEventListener("pointerdown", ({target}) => { if (!target.closest("button, a, input, label")) last = null; });

  // A list of choices that is left with Tab stays shut: Gradio opens it again for any key that it hears of.
  const leaveShut = (event) => {
    if (event.key === "Tab" && event.target.matches?.("[role=combobox]")) event.stopPropagation();
  };
  window.addEventListener("keydown", leaveShut, {capture: true});

  let waits = false;
  const tend = () => {
    waits = false;
    nameFolds();
    nameUploads();
    nameLogs();
    closeMessages();
    keepFocus();
  };
  const watch = () => {
    const changes = {childList: true, subtree: true, attributeFilter: ["class", "style", "disabled", "aria-label"]};
    new MutationObserver(() => {
      if (waits) return;
      waits = true;
      setTimeout(tend, 50); // what goes and what comes in its place may not come together
    }).observe(document.body, changes);
    tend();
  };
  if (document.body) watch();
  else document.addEventListener("DOMContentLoaded", watch);
})();
