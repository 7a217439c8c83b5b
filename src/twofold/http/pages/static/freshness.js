// The badge "as of 10:42:07": turns to "updating…" and back. Both texts are in it from the start and
// share one place, so nothing moves.
const QUIET_MS = 200;
const badges = () => document.querySelectorAll("[data-freshness]");
const locale = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });

// Local time of day; another day than today by its date.
function localClocks() {
  for (const node of document.querySelectorAll("time[data-clock]")) {
    const when = new Date(node.dateTime);
    const today = when.toDateString() === new Date().toDateString();
    const text = today ? clock.format(when) : `${date.format(when)}, ${clock.format(when).slice(0, 5)}`;
    if (node.textContent !== text) node.textContent = text;
  }
}

// Answers what to call when the update is over. An update too short to notice shows nothing.
export function updating() {
  const changed = [];
  const wait = setTimeout(() => {
    for (const badge of badges()) {
      changed.push([badge, badge.dataset.state]);
      badge.dataset.state = "updating";
    }
  }, QUIET_MS);
  return () => {
    clearTimeout(wait);
    for (const [badge, state] of changed) badge.dataset.state = state;
  };
}

export function interrupted(why) {
  for (const badge of badges()) {
    badge.dataset.state = "unreachable";
    badge.title = why;
  }
}

localClocks();
document.addEventListener("twofold:swapped", localClocks);
