// Times are relative and grow old without a reload; the exact one, in local time, is in the title.
const locale = document.documentElement.lang;
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "always" });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long" });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const SPANS = [["minute", 60, 60], ["hour", 3600, 24], ["day", 86400, 31]];
const TICK_MS = 30000;

function words(when) {
  const seconds = (when - Date.now()) / 1000;
  if (Math.abs(seconds) < 60) return seconds > 0 ? "in a moment" : "just now";
  for (const [unit, size, limit] of SPANS) {
    const count = Math.floor(Math.abs(seconds) / size);
    if (count < limit) return relative.format(Math.sign(seconds) * count, unit);
  }
  return day.format(when);
}

function tick() {
  for (const node of document.querySelectorAll("time[data-relative]")) {
    const when = new Date(node.dateTime);
    const text = words(when);
    if (node.textContent !== text) node.textContent = text;
    node.title = exact.format(when);
  }
}

tick();
setInterval(tick, TICK_MS);
document.addEventListener("twofold:swapped", tick);
