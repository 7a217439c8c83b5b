// Turns one element into another with the fewest changes, so that focus, selection, scroll, open
// disclosures and typed text stay. Children are matched by data-key or id, else by their order.
const keyOf = (node) => node.dataset?.key ?? (node.id || undefined);
const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
// A form under way keeps its key and its guard.
const kept = (node) => node.matches?.("form[data-sent]");
const chosen = (node) => node.matches?.("select") && node === document.activeElement;

export function morph(old, fresh) {
  const focused = document.activeElement;
  become(old, fresh);
  // What moves elsewhere loses the focus on its way.
  if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
}

function become(old, fresh) {
  if (kept(old) || chosen(old)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  attributes(old, fresh);
  children(old, fresh);
}

// The attribute "value" is where a field began; what was typed since stays.
function attributes(old, fresh) {
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) {
    const own = (name === "open" && old.matches("details, dialog")) || (name === "tabindex" && old === document.activeElement);
    if (!fresh.hasAttribute(name) && !own) old.removeAttribute(name);
  }
}

function children(old, fresh) {
  const known = new Map();
  for (const child of old.children) if (keyOf(child)) known.set(keyOf(child), child);
  const staying = new Set([...fresh.children].map(keyOf));
  // What has gone makes way first, or all behind it would be moved past it.
  for (const [key, child] of known) if (!staying.has(key)) child.remove();
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const same = keyOf(wanted) ? known.get(keyOf(wanted)) : at && alike(at, wanted) ? at : null;
    if (same && alike(same, wanted)) {
      if (same === at) at = at.nextSibling;
      else old.insertBefore(same, at);
      known.delete(keyOf(wanted));
      become(same, wanted);
    } else {
      const added = document.importNode(wanted, true);
      if (wanted.dataset?.key) added.classList.add("arrived");
      old.insertBefore(added, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
