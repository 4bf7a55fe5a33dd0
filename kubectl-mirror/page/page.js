'use strict';
// What is here draws what is in the page as JSON. Two rules: text gets into the page as text
// only, and only what can be seen is in it, however much there is.

const $ = id => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const made = Date.parse(data.made);

const states = [
  ['in sync', 'the mirror is there and as it should be'],
  ['pending', 'it is not as it should be yet, and nothing is in the way'],
  ['blocked', 'it should be there, and something is in the way'],
  ['refused', 'the source asks for it, and the namespace or the flags refuse'],
  ['kept', 'what is there stays as it is, until something is mended or ended'],
  ['leaving', 'no mirror is to be there, and the one that is goes'],
  ['unclear', 'it can’t be told'],
  ['absent', 'no mirror is to be there, and none is'],
  ['stopped', 'nothing more is mirrored from the source'],
];
const meaning = Object.fromEntries(states);
const worstFirst = ['blocked', 'unclear', 'refused', 'leaving', 'pending', 'kept'];

for (const [n, s] of data.sources.entries()) {
  s.id = 's' + n;
  s.text = `${s.namespace}/${s.name} ${s.resource} ${s.type}`.toLowerCase();
  for (const [m, t] of s.targets.entries()) {
    t.id = s.id + 't' + m;
    t.text = `${s.text} ${t.namespace}/${t.mirror ?? ''}`.toLowerCase();
  }
  const wrong = s.targets.filter(t => t.wrong).map(t => t.outcome);
  const fine = s.targets.some(t => t.outcome === 'in sync') ? 'in sync' : 'absent';
  s.outcome = s.stopped ? 'stopped' : worstFirst.find(o => wrong.includes(o)) ?? fine;
}

// Elements.

function el(tag, className, ...inside) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.append(...inside); // strings become text nodes
  return e;
}

function mark(outcome) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('class', 'mark ' + slug(outcome));
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', '#' + slug(outcome));
  svg.append(use);
  return svg;
}

const slug = outcome => outcome.replace(' ', '-');
const number = n => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
const count = (n, one) => `${number(n)} ${one}${n === 1 ? '' : 's'}`;
const clock = time => new Date(time).toISOString().slice(0, 16).replace('T', ' ') + ' UTC';

function age(time) {
  const seconds = Math.max(0, Math.round((made - Date.parse(time)) / 1000));
  for (const [unit, size] of [['d', 86400], ['h', 3600], ['m', 60]]) {
    if (seconds >= 2 * size) return Math.floor(seconds / size) + unit;
  }
  return seconds + 's';
}

// Filters.

const filter = {terms: [], namespace: '', states: new Set()};
const has = text => filter.terms.every(term => text.includes(term));

function show(source) {
  const inNamespace = !filter.namespace || filter.namespace === source.namespace;
  const itself = inNamespace && has(source.text);
  const found = source.targets.filter(t => (inNamespace || t.namespace === filter.namespace) && has(t.text));
  const byState = filter.states.size > 0;
  const stopped = source.stopped && (itself || found.length > 0);
  const all = !byState || stopped && filter.states.has('stopped');
  const targets = all ? found : found.filter(t => filter.states.has(t.outcome));
  return {found, targets, stopped, visible: targets.length > 0 || itself && all};
}

// Layout: blocks from top to bottom, each a heading or a source with its mirrors.

const lineHeight = 34, cellHeight = 28, gap = 6, headingHeight = 40, padding = 10;
const scroll = $('scroll'), rows = $('rows');
let blocks = [], drawn = new Map(), geometry = {}, sources = 0, active = null;

function measure() {
  const width = scroll.clientWidth, bar = scroll.offsetWidth - width, narrow = width < 720;
  const margin = narrow ? 12 : 24, side = narrow ? 0 : Math.min(300, Math.round(width * 0.26));
  const left = narrow ? 22 : side + 44, inner = width - 2 * margin + Math.min(bar, margin - 6);
  const room = inner - left;
  const columns = Math.max(1, Math.floor((room + gap) / ((narrow ? 148 : 168) + gap)));
  geometry = {width, narrow, margin, inner, side, left, columns, cell: (room + gap) / columns - gap, lead: narrow ? 52 : 0};
}

function layout() {
  const counts = new Map();
  const add = state => counts.set(state, (counts.get(state) ?? 0) + 1);
  let y = 4, namespace = null, mirrors = 0;
  measure();
  blocks = [];
  sources = 0;
  for (const source of data.sources) {
    const {found, targets, stopped, visible} = show(source);
    found.forEach(t => add(t.outcome));
    if (stopped) add('stopped');
    if (!visible) continue;
    if (source.namespace !== namespace) {
      namespace = source.namespace;
      blocks.push({heading: namespace, y, height: headingHeight});
      y += headingHeight;
    }
    const lines = Math.ceil(targets.length / geometry.columns);
    const height = Math.max(geometry.lead + lines * lineHeight, 52) + 2 * padding - gap;
    blocks.push({source, targets, lines, y, height, position: ++sources});
    y += height;
    mirrors += targets.length;
  }
  rows.style.height = y + 12 + 'px';
  drawn.forEach(d => d.element.remove());
  drawn = new Map();
  for (const button of $('legend').children) {
    const n = counts.get(button.dataset.state) ?? 0;
    button.lastChild.textContent = number(n);
    button.classList.toggle('none', !n);
    button.setAttribute('aria-pressed', filter.states.has(button.dataset.state));
  }
  $('found').textContent = `${count(sources, 'source')}, ${count(mirrors, 'mirror')}`;
  $('empty').hidden = sources > 0;
  $('empty').textContent = data.sources.length ? 'Nothing matches. Esc clears the filters.' : 'There are no sources.';
  draw();
}

// draw has in the page what can be seen, and a little more.
function draw() {
  const from = scroll.scrollTop - 200, to = scroll.scrollTop + scroll.clientHeight + 200;
  const seen = new Map();
  for (let n = firstBelow(from); n < blocks.length && blocks[n].y < to; n++) {
    const b = blocks[n], top = b.y + padding + geometry.lead;
    const first = Math.max(0, Math.floor((from - top) / lineHeight) & ~3);
    const last = Math.min(b.lines ?? 0, (Math.ceil((to - top) / lineHeight) | 3) + 1);
    const old = drawn.get(n);
    if (old?.first === first && old.last === last) {
      seen.set(n, old);
      drawn.delete(n);
    } else {
      seen.set(n, {first, last, element: b.source ? block(b, first, last) : heading(b)});
    }
  }
  drawn.forEach(d => d.element.remove());
  for (const {element} of seen.values()) if (!element.isConnected) rows.append(element);
  drawn = seen;
  point();
}

function firstBelow(y) {
  let low = 0, high = blocks.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (blocks[middle].y + blocks[middle].height < y) low = middle + 1; else high = middle;
  }
  return low;
}

function place(e, left, top, width, height) {
  Object.assign(e.style, {left: left + 'px', top: top + 'px', width: width + 'px', height: height + 'px'});
  return e;
}

function heading(b) {
  const e = el('div', 'heading', el('span', 'dim', 'from '), el('strong', '', b.heading));
  e.setAttribute('role', 'presentation');
  return place(e, geometry.margin, b.y, geometry.inner, b.height);
}

function item(e, of, level, position, size) {
  e.id = of.id;
  e.setAttribute('role', 'treeitem');
  e.setAttribute('aria-level', level);
  e.setAttribute('aria-posinset', position);
  e.setAttribute('aria-setsize', size);
  return e;
}

function block(b, first, last) {
  const {margin, inner, side, left, columns, cell, lead, narrow} = geometry;
  const e = place(el('div', narrow ? 'block narrow' : 'block'), margin, b.y, inner, b.height);
  const {synced: is, wanted: of} = b.source;
  const below = b.source.stopped || `${b.source.resource} · ${of ? `${is} of ${of}` : 'no mirrors'}`;
  const card = item(el('div', 'source', mark(b.source.outcome), el('span', 'name', b.source.name), el('span', 'below', below)), b.source, 1, b.position, sources);
  card.setAttribute('aria-label', `${b.source.resource} ${b.source.name} in ${b.source.namespace}: ${b.source.stopped || `${is} of ${of} in sync`}`);
  card.setAttribute('aria-expanded', 'true');
  card.style.width = narrow ? '' : side + 'px';
  const cells = el('div', 'cells');
  cells.setAttribute('role', 'group');
  e.setAttribute('role', 'presentation');
  e.append(card, cells);
  const top = padding + lead;
  if (b.lines) {
    const spine = narrow ? 9 : side + 22, start = narrow ? 44 : top + cellHeight / 2;
    const end = top + (b.lines - 1) * lineHeight + cellHeight / 2;
    if (!narrow) e.append(place(el('div', 'twig'), side, start, 22, 0));
    e.append(place(el('div', 'spine'), spine, start, left - spine, end - start));
  }
  for (let n = first * columns; n < Math.min(last * columns, b.targets.length); n++) {
    const line = Math.floor(n / columns), column = n % columns;
    const at = cellOf(b.targets[n], b.source);
    item(at, b.targets[n], 2, n + 1, b.targets.length);
    cells.append(place(at, left + column * (cell + gap), top + line * lineHeight, cell, cellHeight));
    if (column === 0 && line < b.lines - 1) e.append(place(el('div', 'twig'), narrow ? 9 : side + 22, top + line * lineHeight + cellHeight / 2, narrow ? 13 : 22, 0));
  }
  return e;
}

function cellOf(t, source) {
  const e = el('div', 'cell ' + slug(t.outcome), mark(t.outcome), el('span', 'name', t.namespace));
  if (t.mirror && t.mirror !== source.name) e.lastChild.append(el('span', 'dim', '/' + t.mirror));
  if (t.late) e.append(el('span', 'late', age(t.late)));
  e.setAttribute('aria-label', `${t.namespace}: ${t.outcome}${t.late ? ', late ' + age(t.late) : ''}`);
  e.title = `${t.namespace}: ${t.outcome}${t.why ? '\n' + t.why : ''}`;
  return e;
}

// The cursor: a block, and one of its mirrors or -1 for the source.

function where() {
  for (const [n, b] of blocks.entries()) {
    if (!b.source) continue;
    if (b.source === active) return [n, -1];
    const cell = b.targets.indexOf(active);
    if (cell >= 0) return [n, cell];
  }
  return [-1, -1];
}

function point() {
  rows.querySelector('.active')?.classList.remove('active');
  const e = active && $(active.id);
  e?.classList.add('active');
  rows.querySelectorAll('[aria-selected]').forEach(old => old.removeAttribute('aria-selected'));
  e?.setAttribute('aria-selected', 'true');
  if (e) rows.setAttribute('aria-activedescendant', e.id); else rows.removeAttribute('aria-activedescendant');
}

function go(n, cell) {
  const b = blocks[n];
  if (!b?.source) return;
  rows.focus({preventScroll: true});
  active = cell < 0 ? b.source : b.targets[cell];
  const top = cell < 0 ? b.y : b.y + padding + geometry.lead + Math.floor(cell / geometry.columns) * lineHeight;
  const height = cell < 0 ? 72 : lineHeight;
  const above = n === 1 && cell < geometry.columns ? b.y + 8 : 8;
  if (top - above < scroll.scrollTop) scroll.scrollTop = top - above;
  if (top + height + 8 > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + height + 8 - scroll.clientHeight;
  draw();
  if (!$('details').hidden) details();
}

// beside is the next block with a source, in one direction.
function beside(n, step) {
  do n += step; while (blocks[n] && !blocks[n].source);
  return n;
}

function move(key) {
  const [n, cell] = where(), b = blocks[n], columns = geometry.columns;
  if (key === 'End') return go(beside(blocks.length, -1), -1);
  if (key === 'Home' || n < 0) return go(beside(-1, 1), -1);
  const down = key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : 0;
  if (down && cell < 0) return go(beside(n, down), -1);
  if (down > 0 && cell + columns < b.targets.length) return go(n, cell + columns);
  if (down < 0 && cell >= columns) return go(n, cell - columns);
  if (down) {
    const next = beside(n, down), size = blocks[next]?.targets.length;
    const line = down > 0 ? 0 : Math.floor((size - 1) / columns) * columns;
    return go(next, size ? Math.min(line + cell % columns, size - 1) : -1);
  }
  if (key === 'ArrowRight' && cell + 1 < b.targets.length) return go(n, cell + 1);
  if (key === 'ArrowLeft' && cell >= 0) return go(n, cell - 1);
}

// Details.

const said = {ok: 'ok', NO: 'NO', unknown: '?', 'not reached': '–'};

function details() {
  if (!active) return;
  const source = data.sources.find(s => s === active || s.targets.includes(active));
  const about = el('div');
  const fact = (name, ...value) => value[0] && about.append(el('h3', '', name), el('div', 'fact', ...value));
  const command = text => text && el('code', '', text);
  const arg = `${source.resource}/${source.name} -n ${source.namespace}`;
  about.append(el('h2', '', active === source ? source.name : active.namespace));
  about.append(el('p', 'state', mark(active.outcome), el('strong', slug(active.outcome), active.outcome), ' ' + meaning[active.outcome]));
  if (active === source) {
    const {synced: is, wanted: of} = source;
    fact('Source', `${source.type} ${source.namespace}/${source.name}`);
    fact('Why', source.stopped);
    fact('In sync', of > 0 && `${is} of ${of}`);
    fact('It says of itself', source.status);
    fact('Changed', source.changed && clock(source.changed));
    const steps = source.checks.map(c => el('li', slug(c.state), el('b', '', said[c.state]), el('span', '', c.name), el('span', 'dim', c.text ?? '')));
    fact('Step by step', el('ol', '', ...steps));
    fact('What to do', command(source.checks.find(c => c.do)?.do));
    fact('Ask', command(`kubectl mirror why ${arg}`));
  } else {
    fact('Source', `${source.type} ${source.namespace}/${source.name}`);
    fact('Mirror', active.mirror);
    fact('Why', active.why);
    fact('Late', active.late && `for ${age(active.late)} at most, since ${clock(active.late)}`);
    fact('Written', active.since && `${clock(active.since)}, ${age(active.since)} before this page was made`);
    fact('The controller’s next step', active.action);
    fact('What to do', command(active.do));
    fact('Ask', command(`kubectl mirror why ${arg} --in ${active.namespace}`));
  }
  $('about').replaceChildren(about);
  if ($('details').hidden) {
    $('details').hidden = false;
    layout();
  }
}

function closeDetails() {
  $('details').hidden = true;
  layout();
  rows.focus();
}

// What people do.

function changed() {
  filter.terms = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  filter.namespace = $('namespace').value;
  scroll.scrollTop = 0;
  layout();
}

function clear() {
  $('search').value = $('namespace').value = '';
  filter.states.clear();
  changed();
}

function theme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === 'dark' ||
    !document.documentElement.style.colorScheme && matchMedia('(prefers-color-scheme: dark)').matches;
  return dark ? 'dark' : 'light';
}

function setTheme(to) {
  if (to) document.documentElement.style.colorScheme = to;
  $('theme').textContent = theme() === 'dark' ? 'Light' : 'Dark';
}

const keys = {
  '/': () => $('search').focus(),
  '?': () => $('keys').showModal(),
  t: () => setTheme(theme() === 'dark' ? 'light' : 'dark'),
  Enter: () => active ? details() : move('Home'),
  j: () => move('ArrowDown'), k: () => move('ArrowUp'), l: () => move('ArrowRight'), h: () => move('ArrowLeft'),
};

document.addEventListener('keydown', event => {
  const {key, target} = event;
  if (event.ctrlKey || event.metaKey || event.altKey || $('keys').open) return;
  const typing = target.matches('input, select'), button = target.matches('button');
  let handled = true;
  if (key === 'Escape') {
    if (!$('details').hidden) closeDetails();
    else clear();
    if (typing) rows.focus();
  } else if (target.id === 'search' && (key === 'ArrowDown' || key === 'Enter')) {
    move('Home');
  } else if (typing || button && (key === 'Enter' || key === ' ')) {
    handled = false;
  } else if (keys[key]) {
    keys[key]();
  } else if (/^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(key)) {
    move(key);
  } else handled = false;
  if (handled) event.preventDefault();
});

rows.addEventListener('click', event => {
  const e = event.target.closest('[role=treeitem]');
  if (!e) return;
  active = data.sources.find(s => s.id === e.id) ?? data.sources.flatMap(s => s.targets).find(t => t.id === e.id);
  point();
  details();
});

function start() {
  $('title').textContent = data.title;
  $('made').textContent = `Made ${clock(data.made)}, by the controller’s flags from ${data.flags}`;
  const targets = data.sources.flatMap(s => s.targets), sum = key => data.sources.reduce((n, s) => n + s[key], 0);
  $('sum').replaceChildren(el('strong', '', number(sum('synced'))), ` of ${count(sum('wanted'), 'mirror')} in sync`);
  for (const [state, text] of states) {
    const n = targets.filter(t => t.outcome === state).length;
    const segment = el('span', slug(state));
    segment.style.flexGrow = n;
    if (n) $('bar').append(segment);
    if (!n && !(state === 'stopped' && data.sources.some(s => s.stopped))) continue;
    const button = el('button', slug(state), mark(state), el('span', '', state === 'stopped' ? 'source stopped' : state), el('b', ''));
    Object.assign(button, {type: 'button', title: text});
    button.dataset.state = state;
    button.addEventListener('click', () => {
      if (!filter.states.delete(state)) filter.states.add(state);
      changed();
    });
    $('legend').append(button);
  }
  const namespaces = new Set(data.sources.flatMap(s => [s.namespace, ...s.targets.map(t => t.namespace)]));
  $('namespace').append(new Option('All namespaces', ''), ...[...namespaces].sort().map(n => new Option(n, n)));
  $('search').addEventListener('input', changed);
  $('namespace').addEventListener('change', changed);
  $('theme').addEventListener('click', keys.t);
  $('help').addEventListener('click', keys['?']);
  $('close').addEventListener('click', closeDetails);
  $('keys-close').addEventListener('click', () => $('keys').close());
  scroll.addEventListener('scroll', () => requestAnimationFrame(() => draw()), {passive: true});
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => setTheme());
  new ResizeObserver(() => scroll.clientWidth === geometry.width ? draw() : layout()).observe(scroll);
  setTheme();
  layout();
}

start();
