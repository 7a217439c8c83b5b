// Forms are sent once, and without leaving the page: what is wrong comes back beside the fields,
// what was typed stays, also when no answer comes.
import { announce } from "./announce.js";
import { morph } from "./morph.js";

function busy(form, on) {
  if (on) form.dataset.sent = "";
  else delete form.dataset.sent;
  for (const button of form.querySelectorAll("button:not([type=button])")) {
    if (on) button.setAttribute("aria-busy", "true");
    else button.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog") return;
  if ("sent" in form.dataset) return event.preventDefault();
  busy(form, true);
  if (form.method !== "post") return;
  event.preventDefault();
  send(form, new FormData(form, event.submitter));
});

async function send(form, data) {
  // Only while it is needed: some browsers keep no page for "back" that listens for this.
  const leave = () => { left = performance.now(); };
  addEventListener("beforeunload", leave);
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(data), headers: { Accept: "text/html" } });
    if (answer.redirected) return arrive(answer.url);
    if (answer.status >= 500) throw new Error(`the server answered ${answer.status}`);
    show(form, new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch (error) {
    // Nobody knows whether it arrived. The form keeps its key, so sending again can't do it twice.
    busy(form, false);
    announce(`No answer came (${error.message}). What you entered is still here; sending it again is safe.`, "bad");
  } finally {
    removeEventListener("beforeunload", leave);
  }
}

// Who goes elsewhere meanwhile is not called back by the answer. A download looks like leaving,
// so a page that is still there after a while shows the answer after all.
const LEAVING_MS = 10000;
let left = -LEAVING_MS, waiting = 0;
addEventListener("pagehide", () => clearTimeout(waiting));

function arrive(address) {
  const rest = left + LEAVING_MS - performance.now();
  if (rest > 0) return (waiting = setTimeout(arrive, rest, address));
  // The same address with a fragment would only scroll.
  if (address.split("#")[0] === location.href.split("#")[0]) location.reload();
  else location.assign(address);
}

function show(form, page) {
  busy(form, false);
  const action = form.getAttribute("action");
  if (![...page.forms].some((other) => other.getAttribute("action") === action)) {
    // A page about something else, such as a session that is over, must not replace the form.
    return announce([...page.querySelectorAll("main h1, main h1 + p")].map((node) => node.textContent.trim()).join(". "), "bad");
  }
  morph(document.querySelector("main"), page.querySelector("main"));
  // What was entered comes back as well, possibly in other fields.
  form.reset();
  document.title = page.title;
  document.dispatchEvent(new CustomEvent("twofold:swapped"));
  summary()?.focus();
}

const summary = () => document.querySelector("[data-summary]");

// Links of the summary go into the field, not only to it.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-summary] a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  const closed = field.closest("details:not([open])");
  if (closed) closed.open = true;
  field.scrollIntoView({ block: "center" });
  field.focus({ preventScroll: true });
});

document.addEventListener("change", (event) => event.target.matches("[data-apply]") && event.target.form.requestSubmit());
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => busy(form, false)));
summary()?.focus();
