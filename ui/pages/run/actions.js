/** Actions on a run. Each that cannot be undone shows first what it would touch. */
import { api } from "../../core/api.js";
import { everyPage } from "../../core/every_page.js";
import { plural, shortId } from "../../core/format.js";
import { go, href } from "../../core/router.js";
import { html, signal } from "../../core/view.js";
import { copy } from "../../parts/copy.js";
import { openDialog } from "../../parts/dialog.js";
import { jsonField } from "../../parts/json_field.js";
import { download } from "../../parts/json_tree.js";
import { nodeList } from "../../parts/node_list.js";
import { notify, notifyError } from "../../parts/notices.js";
import { signalForm, signalOffers } from "../../parts/signal_form.js";
import { statusChip } from "../../parts/status.js";
import { everyEvent } from "./history.js";

/** @typedef {import("../../core/live_run.js").LiveRun} LiveRun */

/** @param {LiveRun} live */
export function cancelRun(live) {
  let reason = "";
  const counts = live.run?.counts ?? new Map();
  const running = counts.get("running") ?? 0;
  openDialog({
    title: "Cancel this run?",
    body: () => html`<p>${plural(live.run?.nodes.size ?? 0, "node")} in all.
      ${running > 0 ? `${plural(running, "running node")} may take 30 seconds to finish.` : null}
      Nodes that have not started never will. Child runs are cancelled, too.</p>
      <div class="field"><label for="cancel-reason">Reason</label><input id="cancel-reason" maxlength="2000"
          oninput=${(/** @type {any} */ event) => (reason = event.target.value)}></div>`,
    closeLabel: "Let it run",
    actions: [{ label: "Cancel the run", look: "danger", run: () => api.post(`${live.path}/cancel`, { reason: reason.trim() || null }).then(requested) }],
  });
}

/** @param {LiveRun} live */
export function pauseRun(live) {
  return api.post(`${live.path}/pause`).then(requested, notifyError);
}

/** @param {LiveRun} live */
export function resumeRun(live) {
  return api.post(`${live.path}/resume`).then(requested, notifyError);
}

/** @param {LiveRun} live */
export async function retryRun(live) {
  const preview = await api.post(`${live.path}/retry`, { preview: true }).catch(notifyError);
  if (!preview) return;
  openDialog({
    title: "Retry what failed?",
    body: () => html`<p>${plural(preview.nodes.length, "node")} will run again; completed nodes keep their results.</p>${nodeList(preview.nodes)}`,
    actions: [
      {
        label: "Retry",
        look: "primary",
        isDisabled: () => preview.nodes.length === 0,
        // With the generation that was shown: pressed by two people at once, it is one retry.
        run: () => api.post(`${live.path}/retry`, { generation: preview.generation }).then((answer) => {
          notify(answer.already ? "It has been retried already" : "Requested");
          // The stream of a run that had ended is over.
          return live.refresh();
        }),
      },
    ],
  });
}

/** @param {LiveRun} live */
export async function replayRun(live) {
  const view = await api.get(live.path).catch(notifyError);
  if (!view) return;
  const inputs = signal(view.inputs ?? {});
  const field = jsonField({ value: inputs, label: "Inputs", rows: 10 });
  openDialog({
    title: "Run again",
    isWide: true,
    body: () => html`<p>This starts a new run of the same definition. To change the definition, use <b>Rerun with changes</b>.</p>${field.element}`,
    actions: [
      {
        label: "Run",
        look: "primary",
        isDisabled: () => field.problems().length > 0,
        run: async () => {
          const given = inputs.peek() ?? {};
          const isEmpty = view.inputs === null && Object.keys(given).length === 0;
          const { execution_id: id } = await api.post(`${live.path}/replay`, isEmpty ? {} : { inputs: given, merge: false });
          go(`/ui/runs/${encodeURIComponent(id)}`);
        },
      },
    ],
  });
}

/** @param {LiveRun} live */
export async function sendSignal(live) {
  const definition = await api.get(`${live.path}/definition`).catch(notifyError);
  if (!definition) return;
  const isWaiting = (/** @type {string} */ id) => live.node(id)?.waiting_on === "signal";
  const offers = () => (void live.version.value, signalOffers(definition, isWaiting));
  openDialog({ title: "Send a signal", isWide: true, body: (close) => signalForm({ executionId: live.id, offers, onDone: close }) });
}

/** @param {LiveRun} live */
export async function showChildren(live) {
  const children = await everyPage(`${live.path}/children`).catch(notifyError);
  if (!children) return;
  openDialog({
    title: plural(children.length, "child", "children"),
    body: () => html`<ul class="stack-tight">${children.map((child) => html`<li class="row">${statusChip(() => child.status.toLowerCase())}<a
        href=${href(`/ui/runs/${encodeURIComponent(child.execution_id)}`)}><bdi>${child.name}</bdi></a><span
        class="mono muted">${shortId(child.execution_id)}</span></li>`)}</ul>`,
  });
}

/** @param {LiveRun} live */
export function shareRun(live) {
  const address = `${location.origin}${href(live.path)}`;
  const ways = [
    ["Address of this page", () => location.href],
    ["curl: its state", () => `curl -s '${address}'`],
    ["curl: its events, live", () => `curl -sN '${address}/events'`],
    ["Command line", () => `./headrace watch ${live.id}`],
  ];
  openDialog({
    title: "Copy as",
    body: () => html`<ul class="stack">${ways.map(([label, text]) => html`<li class="stack"><div class="row spread"><h3>${label}</h3><button type="button"
        onclick=${() => void copy(/** @type {any} */ (text))}>Copy</button></div><pre class="card">${/** @type {any} */ (text)()}</pre></li>`)}
        <li><div class="row spread"><h3>Everything, as JSON</h3><button type="button"
            onclick=${() => void exportRun(live).catch(notifyError)}>Download</button></div></li></ul>`,
  });
}

/** View, definition and all events of a run, as a file. @param {LiveRun} live */
async function exportRun(live) {
  const [view, definition] = await Promise.all([api.get(live.path), api.get(`${live.path}/definition`)]);
  const events = await everyEvent(live);
  download(JSON.stringify({ execution: view, definition, events }, null, 2), `${live.id}.json`);
}

function requested() {
  notify("Requested");
}
