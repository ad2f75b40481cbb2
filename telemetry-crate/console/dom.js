// Elements from descriptions. Text becomes text nodes, so no data is ever parsed as markup.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "line", "rect", "circle", "g", "polyline", "polygon"]);

/** A description of an element. Properties that start with `on` are listeners. */
export function h(tag, props, ...children) {
  return {
    tag,
    props: props ?? {},
    children: children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== ""),
  };
}

/**
 * Makes the children of `parent` match the descriptions, and keeps elements that still fit, with their focus.
 *
 * With `recycles`, an element whose key is gone becomes one of a new key, which costs less than a new element.
 */
export function render(parent, descriptions, recycles = false) {
  const wanted = [descriptions].flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== "");
  const keyed = new Map();
  const rest = [];
  for (const node of parent.childNodes) {
    const key = node.description?.props.key;
    if (key === undefined) rest.push(node);
    else keyed.set(key, node);
  }
  const gone = goneOf(keyed, wanted);
  // What stays would have to move in front of these, one after the other.
  for (const node of gone) node.remove();
  const spare = recycles ? gone : [];
  let place = parent.firstChild;
  let next = 0;
  for (const description of wanted) {
    const key = description.props?.key;
    let node = key === undefined ? rest[next] : (keyed.get(key) ?? spare.pop());
    if (node && fits(node, description)) {
      if (key === undefined) next += 1;
      else keyed.delete(key);
    } else {
      node = create(description);
    }
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
    update(node, description);
  }
  while (place) {
    const after = place.nextSibling;
    place.remove();
    place = after;
  }
}

function goneOf(keyed, wanted) {
  if (keyed.size === 0) return [];
  const keys = new Set(wanted.map((description) => description.props?.key));
  return [...keyed].filter(([key]) => !keys.has(key)).map(([, node]) => node);
}

function fits(node, description) {
  if (typeof description !== "object") return node.nodeType === Node.TEXT_NODE;
  return node.description?.tag === description.tag;
}

function create(description) {
  if (typeof description !== "object") return document.createTextNode("");
  const { tag } = description;
  return SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
}

function update(node, description) {
  if (typeof description !== "object") {
    const text = String(description);
    if (node.nodeValue !== text) node.nodeValue = text;
    return;
  }
  if (node.description === description) return;
  const before = node.description?.props ?? {};
  const { props, children } = description;
  node.description = description;
  for (const name in before) if (!(name in props)) set(node, name, undefined, before[name]);
  // The value of a <select> can be set only once its options exist.
  if (!props.opaque) render(node, children, props.recycle);
  for (const name in props) {
    if (props[name] !== before[name] || name === "value") set(node, name, props[name], before[name]);
  }
  if (props.drawn) props.drawn(node);
}

function set(node, name, value, before) {
  if (name === "key" || name === "opaque" || name === "recycle" || name === "drawn") return;
  if (name.startsWith("on")) {
    node[name.toLowerCase()] = value ?? null;
  } else if (name === "style") {
    for (const property in before ?? {}) if (!(property in (value ?? {}))) node.style.removeProperty(property);
    for (const property in value ?? {}) node.style.setProperty(property, value[property]);
  } else if (name === "value") {
    // A field keeps what was typed while it is edited, and until the page wants another value than before.
    const isTyped = node.tagName === "INPUT" && node.wanted === value;
    if (node === document.activeElement || isTyped) return;
    node.wanted = value;
    if (node.value !== String(value ?? "")) node.value = value ?? "";
  } else if (name === "checked" || name === "open") {
    if (node[name] !== value) node[name] = Boolean(value);
  } else if (value === undefined || value === null || value === false) {
    node.removeAttribute(name);
  } else if (name !== "href" || isSafe(value)) {
    node.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Whether an address is within the console or is one of the web; `javascript:` is neither. */
function isSafe(address) {
  return /^(#|https?:\/\/|blob:)/.test(address);
}

/** Announces a sentence to screen readers. */
export function say(sentence) {
  document.getElementById("said").textContent = sentence;
}

let draw = () => {};
let isDue = false;

/** Sets what draws the page. */
export function onRedraw(listener) {
  draw = listener;
}

/** Draws the page before the next frame, once for all calls until then. */
export function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    const focused = document.activeElement;
    draw();
    // An element that moves to another place loses the focus.
    if (focused?.isConnected && document.activeElement === document.body) focused.focus({ preventScroll: true });
  });
}
