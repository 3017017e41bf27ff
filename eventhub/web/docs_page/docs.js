// Swagger UI, and a form that gets a token and lets every call that is tried carry it.
"use strict";

const SESSION = "eventhub-docs-sign-in";
const SPARE_MS = 30_000;
const form = document.getElementById("sign-in");
const who = document.getElementById("who");
const signOut = document.getElementById("sign-out");

const signIn = {
  read: () => JSON.parse(sessionStorage.getItem(SESSION) ?? "null"),
  write(value) {
    if (value) sessionStorage.setItem(SESSION, JSON.stringify(value));
    else sessionStorage.removeItem(SESSION);
    signOut.hidden = !value;
  },
};

function say(text, isBad = false) {
  who.textContent = text;
  who.classList.toggle("bad", isBad);
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const data = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw new Error(data.detail);
  return data;
}

function expiresAt(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(atob(payload)).exp * 1000;
}

function authorize(session) {
  signIn.write(session);
  ui.preauthorizeApiKey("bearerAuth", session.access);
  say(`Signed in as ${session.username}.`);
}

function forget(text, isBad) {
  signIn.write(null);
  ui.authActions.logout(["bearerAuth"]);
  say(text, isBad);
}

async function renew(session) {
  const { access } = await post("/api/auth/token/refresh/", { refresh: session.refresh });
  authorize({ ...session, access });
  return access;
}

// An access token lives for minutes; a call that is tried later gets a new one first.
async function freshen(request) {
  const session = signIn.read();
  const carries = session && request.headers?.Authorization === `Bearer ${session.access}`;
  if (carries && expiresAt(session.access) - Date.now() < SPARE_MS) {
    try {
      request.headers.Authorization = `Bearer ${await renew(session)}`;
    } catch (error) {
      forget(`Signed out: ${error.message}`, true);
    }
  }
  return request;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { username, password } = form.elements;
  try {
    const tokens = await post("/api/auth/token/", { username: username.value, password: password.value });
    password.value = "";
    authorize({ ...tokens, username: username.value });
  } catch (error) {
    say(error.message, true);
  }
});

signOut.addEventListener("click", async () => {
  const session = signIn.read();
  forget("Signed out.");
  await post("/api/auth/logout/", { refresh: session.refresh }).catch(() => undefined);
});

// Public operations need no sign-in, which Swagger UI takes for being signed in: their lock is closed by a token alone.
const honestLocks = () => ({
  statePlugins: {
    auth: {
      wrapSelectors: {
        isAuthorized: (original) => (_, securities) => original(securities?.filter((security) => security.size > 0)),
      },
    },
  },
});

const ui = SwaggerUIBundle({
  plugins: [honestLocks],
  url: "/api/schema/",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  validatorUrl: null,
  requestInterceptor: freshen,
  onComplete() {
    const session = signIn.read();
    if (session) renew(session).catch((error) => forget(`Signed out: ${error.message}`, true));
  },
});
window.ui = ui;
