/** All pending approvals of the tenant, one card each. */
import { everyPage } from "../core/every_page.js";
import { plural, shortId } from "../core/format.js";
import { poll } from "../core/poll.js";
import { href, hrefOf } from "../core/router.js";
import { listenToFeed, totals } from "../core/session.js";
import { each, effect, html, onDispose, show } from "../core/view.js";
import { approvalCard } from "../parts/approval_card.js";
import { problemList } from "../parts/problems.js";

export const title = "Approvals";

export function page() {
  const { value, error, again } = poll(() => everyPage("/v1/approvals", {}, 200), 10_000);
  const items = () => value.value ?? [];
  onDispose(listenToFeed({}));
  effect(() => {
    void totals.value.approvals;
    void again();
  });
  return html`<div class="page-head"><h1>Approvals</h1><span
      class="muted">${() => (value.value === null ? "" : plural(items().length, "pending approval"))}</span></div>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${show(() => value.value !== null && items().length === 0, () => html`<div class="empty">No approval is pending.</div>`)}
    <div class="stack">${each(
      items,
      (item) => `${item.execution_id} ${item.node_id}`,
      (item) => {
        const { execution_id: id, node_id: node, name } = item.peek();
        return html`<section class="card stack" aria-label=${`${node} of run ${shortId(id)}`}>
          <div class="row spread"><h2><a href=${href(hrefOf(`/ui/runs/${encodeURIComponent(id)}`, { node }))}><bdi>${node}</bdi></a></h2>
          <span class="muted"><bdi>${name}</bdi>, run <span class="mono">${shortId(id)}</span></span></div>
          ${approvalCard({ executionId: id, nodeId: node, onDone: () => void again() })}</section>`;
      },
    )}</div>`;
}
