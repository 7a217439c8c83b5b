// What the person just did is marked by the server until its read model has it, with the reason why
// it takes so long. The page looks again, ever more seldom, until nothing is marked any more.
import { refresh } from "./live.js";

const FIRST_PAUSE_MS = 250, LONGEST_PAUSE_MS = 4000;
const marked = () => document.querySelector("[data-pending]");

async function follow() {
  for (let pause = FIRST_PAUSE_MS; marked(); pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (!document.hidden) await refresh();
  }
}

if (marked()) follow();
