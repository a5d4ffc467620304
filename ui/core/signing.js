/**
 * Sign a delivery to a webhook as its sender would. The secret stays in the browser: it goes nowhere but into
 * the signature.
 */
import { shellWord } from "./format.js";

/** @typedef {{scheme: string, header: string | null, secret: string, body: string, id: string, seconds: number}} Delivery */

const UTF8 = new TextEncoder();
const PREFIX = "whsec_";

/**
 * The headers of a delivery, by its scheme. Raises where the secret cannot be one of the scheme.
 * @param {Delivery} delivery  id and seconds (since the epoch) are part of what `standard` signs
 * @returns {Promise<Record<string, string>>}
 */
export async function signedHeaders({ scheme, header, secret, body, id, seconds }) {
  if (scheme === "hub256") return { "X-Hub-Signature-256": `sha256=${hex(await hmac(UTF8.encode(secret), body))}`, "X-GitHub-Delivery": id };
  if (scheme === "header_token") return { [header ?? "X-Webhook-Token"]: secret };
  if (scheme !== "standard") return {};
  const signature = base64(await hmac(keyOf(secret), `${id}.${seconds}.${body}`));
  return { "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": `v1,${signature}` };
}

/**
 * The command that makes a delivery, for a shell.
 * @param {string} address @param {Record<string, string>} headers @param {string} body
 */
export function curlCommand(address, headers, body) {
  const lines = Object.entries({ "Content-Type": "application/json", ...headers }).map(([name, value]) => `-H ${shellWord(`${name}: ${value}`)}`);
  return [`curl -X POST ${shellWord(address)}`, ...lines, `--data-binary ${shellWord(body)}`].join(" \\\n  ");
}

/** @param {string} secret */
function keyOf(secret) {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : "";
  if (!/^[A-Za-z0-9+/]{32,}={0,2}$/.test(text)) throw new Error(`the secret of this scheme is ${PREFIX} and base64 of 24 to 64 bytes`);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** @param {Uint8Array} key @param {string} text */
async function hmac(key, text) {
  if (!globalThis.crypto?.subtle) throw new Error("the browser signs only on pages served by https or from this machine");
  const imported = await crypto.subtle.importKey("raw", /** @type {any} */ (key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, UTF8.encode(text)));
}

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
/** @param {Uint8Array} bytes */
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
