// Says something without taking the focus: a toast in the polite live region of the layout. Answers
// the toast, for whoever takes it back.
const LASTS_MS = 8000;

export function announce(text, tone = "") {
  const toast = document.createElement("div");
  toast.className = `toast ${tone}`;
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "Close" });
  close.onclick = () => toast.remove();
  toast.append(Object.assign(document.createElement("span"), { textContent: text }), close);
  document.getElementById("toasts").append(toast);
  // What went wrong stays until it is read; so does what the pointer or the focus is on.
  const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, LASTS_MS) : toast.remove());
  if (tone !== "bad") setTimeout(leave, LASTS_MS);
  return toast;
}
