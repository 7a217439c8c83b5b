// Regions with data-poll become what the server says now, every so many seconds, while somebody can
// see them and nobody types into them.
import { morph } from "./morph.js";
import { interrupted, updating } from "./freshness.js";

const REGION = "[data-poll]";
const region = () => document.querySelector(REGION);
const typing = () => region().contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
const wait = () => setTimeout(look, Number(region().dataset.poll) * 1000);

async function look() {
  if (!region()) return;
  if (!document.hidden && !typing()) await refresh();
  wait();
}

async function refresh() {
  const settle = updating();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    settle();
    const fresh = page.querySelector(REGION);
    if (fresh) morph(region(), fresh);
    document.dispatchEvent(new CustomEvent("twofold:swapped"));
  } catch (error) {
    settle();
    interrupted(`This page could not be brought up to date (${error.message}).`);
  }
}

if (region()) wait();
