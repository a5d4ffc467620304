/** Which boxes lie in a rectangle: a grid of cells, for culling and for what is under the pointer. */

const CELL = 512;

export class GridIndex {
  /**
   * @param {Float64Array} xs  left edges; changed by move()
   * @param {Float64Array} ys
   * @param {number} width  of every box
   * @param {number} height
   */
  constructor(xs, ys, width, height) {
    this.xs = xs;
    this.ys = ys;
    this.width = width;
    this.height = height;
    /** @type {Map<number, number[]>} */
    this.cells = new Map();
    for (let i = 0; i < xs.length; i++) this.add(i);
  }

  /** @param {number} column @param {number} row */
  key(column, row) {
    return column * 2 ** 24 + row;
  }

  /** Each box stands in the cell of its top left corner; find() looks one box further for that. @param {number} i */
  add(i) {
    const key = this.key(Math.floor(this.xs[i] / CELL), Math.floor(this.ys[i] / CELL));
    const list = this.cells.get(key);
    if (list) list.push(i);
    else this.cells.set(key, [i]);
  }

  /** @param {number} i @param {number} x @param {number} y */
  move(i, x, y) {
    const list = this.cells.get(this.key(Math.floor(this.xs[i] / CELL), Math.floor(this.ys[i] / CELL)));
    list?.splice(list.indexOf(i), 1);
    this.xs[i] = x;
    this.ys[i] = y;
    this.add(i);
  }

  /**
   * Numbers of the boxes that touch the rectangle, written to `found`; returns how many.
   * @param {number} left
   * @param {number} top
   * @param {number} right
   * @param {number} bottom
   * @param {Int32Array} found  room for all boxes
   */
  find(left, top, right, bottom, found) {
    let count = 0;
    /** @param {readonly number[]} list */
    const take = (list) => {
      for (const i of list) {
        const isOutside = this.xs[i] > right || this.ys[i] > bottom || this.xs[i] + this.width < left || this.ys[i] + this.height < top;
        if (!isOutside) found[count++] = i;
      }
    };
    const columns = [Math.floor((left - this.width) / CELL), Math.floor(right / CELL)];
    const rows = [Math.floor((top - this.height) / CELL), Math.floor(bottom / CELL)];
    // Zoomed far out the rectangle has more cells than there are filled ones.
    if ((columns[1] - columns[0] + 1) * (rows[1] - rows[0] + 1) > this.cells.size) {
      for (const list of this.cells.values()) take(list);
      return count;
    }
    for (let column = columns[0]; column <= columns[1]; column++) {
      for (let row = rows[0]; row <= rows[1]; row++) {
        const list = this.cells.get(this.key(column, row));
        if (list) take(list);
      }
    }
    return count;
  }

  /** The box at a point, the one added last where several overlap, or -1. @param {number} x @param {number} y */
  at(x, y) {
    const found = new Int32Array(this.xs.length);
    const count = this.find(x, y, x, y, found);
    let last = -1;
    for (let k = 0; k < count; k++) last = Math.max(last, found[k]);
    return last;
  }
}
