/** Texts cut to the width of a box. Measured once each by a canvas that is never shown. */

/** @type {CanvasRenderingContext2D | null} */
let ruler = null;
/** @type {Map<string, Map<string, number>>} */
const widths = new Map();
const KEPT = 20_000;

/** @param {string} text @param {string} font  as in CSS */
function textWidth(text, font) {
  let known = widths.get(font);
  if (!known || known.size > KEPT) widths.set(font, (known = new Map()));
  let width = known.get(text);
  if (width === undefined) {
    ruler ??= document.createElement("canvas").getContext("2d");
    if (!ruler) return text.length * 7;
    ruler.font = font;
    known.set(text, (width = ruler.measureText(text).width));
  }
  return width;
}

/**
 * Cut in the middle, because names that begin alike differ at their ends.
 * @param {string} text
 * @param {number} room  px
 * @param {string} font
 */
export function fitMiddle(text, room, font) {
  if (textWidth(text, font) <= room) return text;
  let [least, most] = [0, text.length - 1];
  while (least < most) {
    const kept = (least + most + 1) >> 1;
    if (textWidth(cut(text, kept), font) <= room) least = kept;
    else most = kept - 1;
  }
  return cut(text, least);
}

/** @param {string} text @param {number} kept  characters beside the ellipsis */
function cut(text, kept) {
  const tail = kept >> 1;
  return `${text.slice(0, kept - tail)}…${tail ? text.slice(-tail) : ""}`;
}

/**
 * Handler and detail on one line; the handler gives way first, it says least about the state.
 * @param {string} handler
 * @param {string} detail
 * @param {number} room  px
 * @param {string} font
 */
export function fitPair(handler, detail, room, font) {
  if (!detail) return fitMiddle(handler, room, font);
  const left = room - textWidth(` · ${detail}`, font);
  if (left < textWidth("wm…m", font)) return fitMiddle(detail, room, font);
  return `${fitMiddle(handler, left, font)} · ${detail}`;
}
