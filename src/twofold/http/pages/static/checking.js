// Says what is missing while somebody is writing. A form names with data-check the address that
// judges it; what comes back takes the place of the element with the same id.
import { morph } from "./morph.js";

const PAUSE_MS = 300;
let waiting = 0, asked = 0;

async function check(form) {
  const mine = ++asked;
  const answer = await fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  // Without an answer, or with a newer question under way, what is shown stays.
  if (!answer?.ok || mine !== asked) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const fresh of page.querySelectorAll("[data-checked]")) {
    const old = document.getElementById(fresh.id);
    if (old) morph(old, fresh);
  }
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form || !("check" in form.dataset)) return;
  clearTimeout(waiting);
  waiting = setTimeout(check, PAUSE_MS, form);
});
