// Keyboard: / searches, j and k walk through rows, Enter opens, ? tells all of this.
const SETTING = "twofold.keys";
const KEYS = [["/", "Search"], ["j", "Next row"], ["k", "Previous row"], ["Enter", "Open the row"], ["?", "This help"], ["Esc", "Close, leave the search"]];
const WRITING = "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]";
const enabled = () => localStorage.getItem(SETTING) !== "off";

function walk(step) {
  const links = [...document.querySelectorAll("tbody tr")].map((row) => row.querySelector("a[href]")).filter((link) => link?.checkVisibility());
  if (!links.length) return;
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))].focus();
}

function search() {
  const input = document.querySelector("input[type=search]");
  input?.focus();
  input?.select();
}

function help() {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "keys");
  const list = document.createElement("dl");
  for (const [key, meaning] of KEYS) {
    const term = document.createElement("dt");
    term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    list.append(term, Object.assign(document.createElement("dd"), { textContent: meaning }));
  }
  // Whoever dictates or has other uses for single keys can turn them off.
  const toggle = Object.assign(document.createElement("input"), { type: "checkbox", checked: enabled() });
  toggle.onchange = () => localStorage.setItem(SETTING, toggle.checked ? "on" : "off");
  const label = document.createElement("label");
  label.append(toggle, "Single keys are shortcuts");
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "Close", className: "primary", autofocus: true });
  close.onclick = () => dialog.close();
  dialog.append(Object.assign(document.createElement("h2"), { id: "keys", textContent: "Keyboard" }), list, label, close);
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  const writing = event.target.matches?.(WRITING);
  if (event.key === "Escape" && writing) event.target.blur();
  if (event.key === "Escape") document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
  if (writing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const action = { "/": search, j: () => walk(1), k: () => walk(-1), "?": help }[event.key];
  if (!action || (event.key !== "?" && !enabled())) return;
  event.preventDefault();
  action();
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
