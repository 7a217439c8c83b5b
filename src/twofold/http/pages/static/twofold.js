// What pages do beyond HTML. Everything works without it, only less comfortably.

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Selects in filter forms apply at once.
for (const select of document.querySelectorAll("[data-apply]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// Times are relative and grow old without a reload.
const units = [["minute", 60, 60], ["hour", 3600, 24], ["day", 86400, 31]];
function tick() {
  for (const node of document.querySelectorAll("time[data-relative]")) {
    const seconds = (Date.now() - Date.parse(node.dateTime)) / 1000;
    if (seconds < 60) { node.textContent = "just now"; continue; }
    for (const [unit, size, limit] of units) {
      const count = Math.floor(seconds / size);
      if (count < limit) { node.textContent = `${count} ${unit}${count === 1 ? "" : "s"} ago`; break; }
    }
  }
}
setInterval(tick, 30000);

// Live updates: lists offer what is new, single pages bring themselves up to date, and nothing takes
// away focus, scroll or input.
const region = document.querySelector("[data-live]");
if (region) {
  const badge = document.querySelector(".freshness .badge");
  let waiting = false;
  const typing = () => region.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
  async function refresh() {
    if (badge) { badge.textContent = "updating…"; badge.className = "badge accent"; }
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (fresh && !typing()) region.replaceChildren(...fresh.childNodes);
    const was = document.querySelector(".freshness"), now = page.querySelector(".freshness");
    if (was && now) was.replaceWith(now);
    document.querySelector("#news")?.setAttribute("hidden", "");
    waiting = false;
  }
  function moved() {
    if (region.dataset.liveMode === "offer") {
      const news = document.querySelector("#news");
      news?.removeAttribute("hidden");
      return;
    }
    if (!waiting && !typing()) { waiting = true; setTimeout(refresh, 150); }
  }
  document.querySelector("#news button")?.addEventListener("click", refresh);
  let pause = 1000;
  function listen() {
    const source = new EventSource(`/events/stream?models=${region.dataset.live}`);
    source.addEventListener("moved", moved);
    source.onopen = () => { pause = 1000; };
    source.onerror = () => { source.close(); setTimeout(listen, pause); pause = Math.min(pause * 2, 30000); };
  }
  listen();
  if (region.dataset.pending !== undefined) {
    // What the person just did is committed and on its way here.
    const until = Date.now() + 30000;
    const look = () => { if (document.querySelector("[data-pending]") && Date.now() < until) refresh().then(() => setTimeout(look, 700)); };
    setTimeout(look, 400);
  }
}

// Keyboard: / searches, j and k walk through rows, Enter opens.
let at = -1;
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) { event.preventDefault(); search.focus(); }
  } else if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll("tbody tr a")].filter((a) => a.matches("td:first-child a"));
    if (!links.length) return;
    at = Math.max(0, Math.min(links.length - 1, at + (event.key === "j" ? 1 : -1)));
    links[at].focus();
  }
});
