"use strict";
// Passkeys (https://www.w3.org/TR/webauthn-3/): asks the browser to make or use one, and sends what it signed
// with an ordinary form. Without JavaScript, or without https, the forms stay hidden.

function toBytes(text) {
  const padded = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function withBytes(options) {
  const ids = (list) => (list || []).map((entry) => ({ ...entry, id: toBytes(entry.id) }));
  const ready = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) ready.user = { ...options.user, id: toBytes(options.user.id) };
  if (options.excludeCredentials) ready.excludeCredentials = ids(options.excludeCredentials);
  if (options.allowCredentials) ready.allowCredentials = ids(options.allowCredentials);
  return ready;
}

function withText(credential) {
  const said = credential.response;
  const response = { clientDataJSON: toText(said.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (said[name]) response[name] = toText(said[name]);
  }
  if (said.getTransports) response.transports = said.getTransports();
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

async function readOptions(form) {
  if (form.dataset.options) return JSON.parse(document.getElementById(form.dataset.options).textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  return answer.json();
}

async function fill(form) {
  const { publicKey } = await readOptions(form);
  const how = { publicKey: withBytes(publicKey) };
  const credential =
    form.dataset.passkey === "create" ? await navigator.credentials.create(how) : await navigator.credentials.get(how);
  form.elements.credential.value = JSON.stringify(withText(credential));
}

const canUsePasskeys = Boolean(window.PublicKeyCredential && window.isSecureContext);

for (const note of document.querySelectorAll("[data-no-passkeys]")) note.hidden = canUsePasskeys;

for (const form of canUsePasskeys ? document.querySelectorAll("form[data-passkey]") : []) {
  const trouble = form.querySelector("[data-failed]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble.textContent = "";
    try {
      await fill(form);
      form.submit();
    } catch {
      trouble.textContent = trouble.dataset.failed;
    }
  });
}
