// Keeps what is `data-live` fresh: the page is asked for again every few seconds, and those parts are put in place.
"use strict";

const EVERY_MS = 5000;
const said = document.getElementById("live");

function putInPlace(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!other || other.innerHTML === part.innerHTML) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    for (const open of part.querySelectorAll("details[open][id]")) other.querySelector(`#${open.id}`)?.setAttribute("open", "");
    part.replaceChildren(...other.childNodes);
    if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

async function refresh() {
  // A person who marks text is reading it.
  if (document.hidden || !getSelection().isCollapsed) return;
  try {
    const answer = await fetch(location.href, { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") return location.reload(); // signed out: the sign-in follows
    if (!answer.ok) throw new Error(answer.status);
    putInPlace(new DOMParser().parseFromString(await answer.text(), "text/html"));
    said.textContent = "";
    said.className = "";
  } catch {
    said.textContent = "Event Hub does not answer: what you see may be old.";
    said.className = "lost";
  }
}

async function keepFresh() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    await refresh();
  }
}

// A link from elsewhere does not bring the cookie along (SameSite=Strict), a request of this page does.
async function goOn(next) {
  const answer = await fetch(location.href, { redirect: "manual", cache: "no-store" });
  if (answer.type === "opaqueredirect") location.replace(next);
}

const next = document.querySelector("[data-next]")?.dataset.next;
if (next) goOn(next);
else if (document.querySelector("main [data-live]")) {
  document.addEventListener("visibilitychange", refresh);
  keepFresh();
}
