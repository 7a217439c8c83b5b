// Time that is left, second by second. Screen readers are told the deadline once, not every second.
import { refresh } from "./live.js";

const over = new WeakSet();

function left(seconds) {
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(seconds / 3600);
  return hours ? `${hours}:${parts.join(":")}` : parts.join(":");
}

function tick() {
  for (const node of document.querySelectorAll("time[data-until]")) {
    const seconds = Math.max(0, Math.ceil((new Date(node.dateTime) - Date.now()) / 1000));
    const text = seconds ? left(seconds) : "over";
    if (node.textContent !== text) node.textContent = text;
    node.classList.toggle("soon", seconds < 120);
    if (!seconds && !over.has(node)) {
      over.add(node);
      refresh();
    }
  }
}

tick();
setInterval(tick, 1000);
document.addEventListener("twofold:swapped", tick);
