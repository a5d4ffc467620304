/** The dialog that lists the keys of a page. */
import { html } from "../core/view.js";
import { openDialog } from "./dialog.js";
import { activeShortcuts } from "./shortcuts.js";

/** Show the shortcuts of this page. */
export function showShortcuts() {
  openDialog({
    title: "Keyboard shortcuts",
    body: () =>
      html`<dl class="facts">${activeShortcuts().map(({ keys, does }) => html`<dt><kbd>${keys}</kbd></dt><dd>${does}</dd>`)}
        <dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next and previous row of a table</dd>
        <dt><kbd>Enter</kbd></dt><dd>open the row</dd>
        <dt><kbd>Esc</kbd></dt><dd>close what is open</dd></dl>`,
  });
}
