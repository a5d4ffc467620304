/** The line of an edge, for a canvas and for SVG alike. */

const ARROW = 6;

/**
 * @typedef {object} Pen  a canvas context, or the writer of an SVG path
 * @property {(x: number, y: number) => void} moveTo
 * @property {(x: number, y: number) => void} lineTo
 * @property {(x1: number, y1: number, x2: number, y2: number, x: number, y: number) => void} bezierCurveTo
 */

/**
 * Trace an edge; it ends inside its arrow, so that a thick line does not show beside the tip.
 * @param {Pen} pen
 * @param {readonly number[]} points
 */
export function traceEdge(pen, points) {
  const last = points.length - 2;
  let [x, y] = [points[0], points[1]];
  pen.moveTo(x, y);
  for (let p = 2; p <= last; p += 2) {
    const nextX = p === last ? points[p] - ARROW + 1 : points[p];
    const nextY = points[p + 1];
    if (y === nextY && nextX >= x) pen.lineTo(nextX, nextY);
    else {
      // A box that was dragged to the left of its dependency is reached by a loop.
      const bend = nextX > x ? (nextX - x) / 2 : Math.min(160, 40 + (x - nextX) / 4);
      pen.bezierCurveTo(x + bend, y, nextX - bend, nextY, nextX, nextY);
    }
    [x, y] = [nextX, nextY];
  }
}

/** The arrow before the box. @param {Pen} pen @param {readonly number[]} points */
export function traceArrow(pen, points) {
  const [x, y] = [points[points.length - 2], points[points.length - 1]];
  pen.moveTo(x, y);
  pen.lineTo(x - ARROW, y - ARROW / 2);
  pen.lineTo(x - ARROW, y + ARROW / 2);
  pen.lineTo(x, y);
}

/** Writes what is traced as the data of an SVG path. */
export class PathText {
  constructor() {
    this.text = "";
  }
  /** @param {number} x @param {number} y */
  moveTo(x, y) {
    this.text += `M${round(x)} ${round(y)}`;
  }
  /** @param {number} x @param {number} y */
  lineTo(x, y) {
    this.text += `L${round(x)} ${round(y)}`;
  }
  /** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {number} x @param {number} y */
  bezierCurveTo(x1, y1, x2, y2, x, y) {
    this.text += `C${round(x1)} ${round(y1)} ${round(x2)} ${round(y2)} ${round(x)} ${round(y)}`;
  }
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}
