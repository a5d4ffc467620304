/** What part of the graph is shown: a point of the graph at the corner of the view, and a zoom. Pure. */

const ZOOM = { least: 0.01, most: 2.5 };

/**
 * @typedef {{x: number, y: number, zoom: number}} Camera  screen = graph × zoom + (x, y)
 * @typedef {{x: number, y: number, width: number, height: number}} Rectangle
 * @typedef {{width: number, height: number}} Size
 */

/** @param {number} zoom */
function limited(zoom) {
  return Math.min(ZOOM.most, Math.max(ZOOM.least, zoom));
}

/**
 * Change the zoom so that what lies under a point of the screen stays there.
 * @param {Camera} camera
 * @param {number} factor
 * @param {number} x
 * @param {number} y
 * @returns {Camera}
 */
export function zoomAt(camera, factor, x, y) {
  const zoom = limited(camera.zoom * factor);
  const ratio = zoom / camera.zoom;
  return { x: x - (x - camera.x) * ratio, y: y - (y - camera.y) * ratio, zoom };
}

/**
 * Show a rectangle whole and in the middle, never larger than its natural size.
 * @param {Rectangle} bounds
 * @param {Size} view
 * @param {number} margin  px on each side
 * @returns {Camera}
 */
export function fitTo(bounds, view, margin = 24) {
  const wide = (view.width - 2 * margin) / Math.max(1, bounds.width);
  const high = (view.height - 2 * margin) / Math.max(1, bounds.height);
  return centreOn(bounds, view, Math.min(1, wide, high));
}

/**
 * @param {Rectangle} bounds
 * @param {Size} view
 * @param {number} zoom
 * @returns {Camera}
 */
export function centreOn(bounds, view, zoom) {
  const kept = limited(zoom);
  return {
    x: view.width / 2 - (bounds.x + bounds.width / 2) * kept,
    y: view.height / 2 - (bounds.y + bounds.height / 2) * kept,
    zoom: kept,
  };
}

/**
 * Move no further than is needed for a rectangle to be seen.
 * @param {Camera} camera
 * @param {Rectangle} bounds
 * @param {Size} view
 * @param {number} margin  px
 * @returns {Camera}
 */
export function reveal(camera, bounds, view, margin = 32) {
  const left = bounds.x * camera.zoom + camera.x;
  const top = bounds.y * camera.zoom + camera.y;
  const right = left + bounds.width * camera.zoom;
  const bottom = top + bounds.height * camera.zoom;
  const dx = left < margin ? margin - left : Math.min(0, view.width - margin - right);
  const dy = top < margin ? margin - top : Math.min(0, view.height - margin - bottom);
  return dx || dy ? { ...camera, x: camera.x + dx, y: camera.y + dy } : camera;
}

/**
 * Show a rectangle at a zoom, in the middle unless that would leave an empty border beside the graph.
 * @param {Rectangle} bounds
 * @param {Rectangle} all  the whole graph
 * @param {Size} view
 * @param {number} zoom
 * @param {number} margin  px
 * @returns {Camera}
 */
export function lookAt(bounds, all, view, zoom, margin = 24) {
  const centred = centreOn(bounds, view, zoom);
  /** @param {number} offset @param {number} start @param {number} length @param {number} room */
  const bound = (offset, start, length, room) => {
    const first = margin - start * centred.zoom;
    const last = room - margin - (start + length) * centred.zoom;
    return first > last ? Math.max(last, Math.min(first, offset)) : (first + last) / 2;
  };
  return {
    x: bound(centred.x, all.x, all.width, view.width),
    y: bound(centred.y, all.y, all.height, view.height),
    zoom: centred.zoom,
  };
}
