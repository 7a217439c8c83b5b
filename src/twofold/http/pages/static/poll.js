// Regions with data-poll become what the server says now, every so many seconds, while somebody can
// see them and nobody types into them.
import { announce } from "./announce.js";
import { morph } from "./morph.js";
import { interrupted, updating } from "./freshness.js";

const REGION = "[data-poll]", PATIENCE_MS = 15000;
const region = () => document.querySelector(REGION);
const typing = () => region().contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
let current = new Date(), told = null;
const wait = () => setTimeout(look, Number(region().dataset.poll) * 1000);

async function look() {
  if (!region()) return;
  if (!document.hidden && !typing()) await refresh();
  wait();
}

async function refresh() {
  const settle = updating();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(answer.status === 401 ? "the session is over; reload it to sign in" : `the server answered ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    settle();
    const fresh = page.querySelector(REGION);
    if (fresh) morph(region(), fresh);
    current = new Date();
    told?.remove();
    told = null;
    document.dispatchEvent(new CustomEvent("twofold:swapped"));
  } catch (error) {
    settle();
    interrupted(`This page could not be brought up to date (${error.message}).`);
    // Said once, and taken back: not every page has a badge, and old figures look like new ones.
    told ??= announce(`This page is as it was at ${clock.format(current)} (${error.message}). It is tried again.`, "bad");
  }
}

if (region()) wait();
