// Live updates. A region names its read models with data-live. The stream says that something moved;
// the page is then asked for again and the region becomes what came back. With data-live-mode="offer"
// the reader is told how much is new, and decides.
import { morph } from "./morph.js";
import { interrupted, updating } from "./freshness.js";

const REGION = "[data-live]";
const FIRST_PAUSE_MS = 1000, LONGEST_PAUSE_MS = 30000, TOGETHER_MS = 250, PATIENCE_MS = 5000;
const region = () => document.querySelector(REGION);
let offered = null, running = null, queued = null;

// Ask for this page again and show it. Answers whether that was possible.
export function refresh() {
  return load((page) => swap(page));
}

function load(use) {
  if (running) return (queued ??= running.then(() => { queued = null; return load(use); }));
  return (running = ask(use).finally(() => { running = null; }));
}

async function ask(use) {
  const settle = updating();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    settle();
    if (page.querySelector(REGION)) use(page);
    return true;
  } catch (error) {
    settle();
    interrupted(`This page could not be brought up to date (${error.message}).`);
    return false;
  }
}

function swap(page) {
  // What the reader looks at stays where it is, whatever comes in above it.
  const anchor = scrollY > 0 && [...document.querySelectorAll("[data-key]")].find((row) => row.getBoundingClientRect().bottom > 0);
  const top = anchor ? anchor.getBoundingClientRect().top : 0;
  for (const wanted of [REGION, "[data-freshness]"]) {
    const fresh = page.querySelectorAll(wanted);
    document.querySelectorAll(wanted).forEach((old, index) => fresh[index] && morph(old, fresh[index]));
  }
  if (anchor?.isConnected) scrollBy(0, anchor.getBoundingClientRect().top - top);
  offer(null);
  document.dispatchEvent(new CustomEvent("twofold:swapped"));
}

// Outside of what is morphed, or it would be taken for a part of the page.
const box = document.getElementById("offer");

function offer(page) {
  const text = page && news(page);
  const focused = box.contains(document.activeElement);
  offered = text ? page : null;
  box.hidden = !text;
  if (!text) {
    box.replaceChildren();
    if (focused) Object.assign(region(), { tabIndex: -1 }).focus({ preventScroll: true });
  } else if (box.firstChild) {
    box.firstChild.textContent = text;
  } else {
    box.append(Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick: () => offered && swap(offered) }));
  }
}

// "3 new orders", by the total of the list; "orders have changed" where only rows did.
function news(page) {
  const [old, fresh] = [region(), page.querySelector(REGION)];
  const [one, many] = (old.dataset.liveNoun ?? "entry|entries").split("|");
  const added = Number(fresh.dataset.total) - Number(old.dataset.total);
  if (added > 0) return `${added.toLocaleString(document.documentElement.lang)} new ${added === 1 ? one : many}`;
  const rows = (root) => [...root.querySelectorAll("[data-key]")].map((row) => row.dataset.key + (row.dataset.version ?? row.textContent.replace(/\s+/g, " ")));
  return rows(old).join() === rows(fresh).join() ? "" : `Some ${many} have changed`;
}

const typing = () => region().contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
let gathering = 0;

function moved() {
  clearTimeout(gathering);
  const mode = region().dataset.liveMode;
  gathering = setTimeout(() => (mode === "offer" || typing() ? load(offer) : refresh()), TOGETHER_MS);
}

let source = null, pause = FIRST_PAUSE_MS, again = 0, patience = 0;

function listen() {
  if (source || document.hidden) return;
  // Whatever moved since the page was made, or while nobody listened, is told at once.
  const after = document.querySelector("[data-freshness]")?.dataset.position ?? "";
  source = new EventSource(`/events/stream?models=${encodeURIComponent(region().dataset.live)}&after=${after}`);
  source.addEventListener("moved", moved);
  source.onopen = () => {
    pause = FIRST_PAUSE_MS;
    clearTimeout(patience);
  };
  source.onerror = () => {
    hush();
    again = setTimeout(listen, pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    clearTimeout(patience);
    patience = setTimeout(interrupted, PATIENCE_MS, "Live updates are interrupted; trying again.");
  };
}

function hush() {
  source?.close();
  source = null;
  clearTimeout(again);
}

if (region()) {
  listen();
  // Hidden pages give their connection back: browsers have six of them per site.
  document.addEventListener("visibilitychange", () => (document.hidden ? hush() : listen()));
  addEventListener("pagehide", hush);
  addEventListener("pageshow", (event) => event.persisted && listen());
}
