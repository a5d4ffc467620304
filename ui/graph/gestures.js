/** Pointer and wheel on the graph: pan, zoom at the pointer, pinch, drag a node, click, double click. */

const CLICK_DISTANCE = 4;
const DOUBLE_CLICK_MS = 350;

/**
 * @typedef {object} GestureTarget  points are px from the top left corner of the element
 * @property {(x: number, y: number) => string | null} hit
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, x: number, y: number) => void} zoom
 * @property {(id: string, dx: number, dy: number) => void} drag
 * @property {(id: string) => void} drop
 * @property {(id: string | null) => void} click
 * @property {(id: string) => void} doubleClick
 */

/**
 * @param {HTMLElement} element
 * @param {GestureTarget} target
 */
export function listenForGestures(element, target) {
  /** @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  /** @type {{id: string | null, x: number, y: number, isDrag: boolean} | null} */
  let press = null;
  /** @type {{id: string | null, at: number}} */
  let lastClick = { id: null, at: 0 };

  /** @param {MouseEvent} event */
  const place = (event) => {
    const corner = element.getBoundingClientRect();
    return { x: event.clientX - corner.left, y: event.clientY - corner.top };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const { x, y } = place(event);
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x, y });
    press = pointers.size === 1 ? { id: target.hit(x, y), x, y, isDrag: false } : null;
  });

  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = place(event);
    if (pointers.size === 2) pinch(event.pointerId, before, now);
    else if (press && (press.isDrag || Math.hypot(now.x - press.x, now.y - press.y) > CLICK_DISTANCE)) {
      const from = press.isDrag ? before : press;
      press.isDrag = true;
      element.classList.add("is-dragging");
      if (press.id === null) target.pan(now.x - from.x, now.y - from.y);
      else target.drag(press.id, now.x - from.x, now.y - from.y);
    }
    pointers.set(event.pointerId, now);
  });

  /** @param {number} moving @param {{x: number, y: number}} before @param {{x: number, y: number}} now */
  const pinch = (moving, before, now) => {
    for (const [id, other] of pointers) {
      if (id === moving) continue;
      const ratio = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
      target.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
      target.zoom(ratio, (now.x + other.x) / 2, (now.y + other.y) / 2);
    }
  };

  /** @param {PointerEvent} event */
  const release = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    element.classList.remove("is-dragging");
    const done = press;
    press = null;
    if (!done) return;
    if (done.isDrag) {
      if (done.id !== null) target.drop(done.id);
      return;
    }
    if (event.type !== "pointerup") return;
    const isDouble = done.id !== null && done.id === lastClick.id && event.timeStamp - lastClick.at < DOUBLE_CLICK_MS;
    lastClick = { id: isDouble ? null : done.id, at: event.timeStamp };
    if (isDouble && done.id !== null) target.doubleClick(done.id);
    else target.click(done.id);
  };
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);

  // Assistive technology clicks without a pointer.
  element.addEventListener("click", (event) => {
    const node = /** @type {Element} */ (event.target).closest("[data-id]");
    if (event.detail === 0 && node) target.click(node.getAttribute("data-id"));
  });

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = place(event);
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      // A pinch on a touchpad comes as a wheel with ctrl, in much smaller steps.
      const speed = event.ctrlKey ? 0.01 : 0.0015;
      target.zoom(Math.exp(-event.deltaY * lines * speed), x, y);
    },
    { passive: false },
  );
}
