/** Mounts the page: what the server is, and who asks. */

const root = document.querySelector('meta[name="root-path"]')?.getAttribute("content") ?? "";

const title = document.createElement("h1");
title.textContent = "Headrace";
const line = document.createElement("p");
document.getElementById("page")?.append(title, line);

try {
  const answer = await fetch(`${root}/ui/context`);
  const context = await answer.json();
  line.textContent = `Version ${context.version}, ${context.environment}`;
} catch (error) {
  line.textContent = `The server cannot be reached: ${error}`;
}
