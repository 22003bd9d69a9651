'use strict';
(() => {
  const find = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  document.documentElement.classList.add('js');

  const overview = find('#overview');
  const view = find('#case-view');
  const form = find('#filter');
  const rows = all('.cases tbody tr').map((tr) => ({
    tr,
    id: decodeURIComponent(find('a', tr).getAttribute('href').slice(1)),
    cells: (tr.dataset.v || '').split(' ').map((cell) => cell.split(':')),
    words: null,
  }));
  const byId = new Map(rows.map((row) => [row.id, row]));
  const groups = all('.group').map((element) => ({element, rows: all('tbody tr', element)}));
  const inline = new Map(all('#cases > .case').map((article) => [article.id, article]));
  const title = document.title;

  // The address is #CASE?FILTERS; both parts may be missing, and plain anchors stay anchors.
  const address = () => {
    const [name, query = ''] = location.hash.slice(1).split('?');
    let id = name;
    try { id = decodeURIComponent(name); } catch { /* not ours: an anchor that does not exist */ }
    return {id, query: new URLSearchParams(query)};
  };
  const hash = (id, query) => {
    const text = query.toString();
    return '#' + encodeURIComponent(id).replaceAll('%2F', '/') + (text ? '?' + text : '');
  };

  const chosen = () => {
    const query = new URLSearchParams();
    const verdicts = all('[name=v]:checked', form).map((box) => box.value);
    if (verdicts.length) query.set('v', verdicts.join('.'));
    for (const field of all('input[name=q], select', form)) if (field.value.trim()) query.set(field.name, field.value.trim());
    if (find('[name=d]:checked', form)) query.set('d', '1');
    return query;
  };
  const choose = (query) => {
    const verdicts = (query.get('v') || '').split('.');
    for (const box of all('[name=v]', form)) box.checked = verdicts.includes(box.value);
    for (const field of all('input[name=q], select', form)) {
      const value = query.get(field.name) || '';
      if (field.value !== value) field.value = value;
    }
    const differences = find('[name=d]', form);
    if (differences) differences.checked = query.get('d') === '1';
    const more = find('.more', form);
    if (more && all('select', more).some((field) => field.value)) more.open = true;
  };

  const tests = (query) => {
    const found = [];
    const verdicts = query.has('v') ? query.get('v').split('.') : null;
    const server = query.get('s');
    if (verdicts || server) {
      found.push((row) => row.cells.some(([at, verdict]) => (!server || at === server) && (!verdicts || verdicts.includes(verdict))));
    }
    if (query.has('c')) found.push((row) => query.get('c') === 'any' ? row.tr.dataset.c : row.tr.dataset.c === query.get('c'));
    for (const name of ['l', 'r', 'p', 'u', 'f', 'o']) {
      if (query.has(name)) found.push((row) => row.tr.dataset[name] === query.get(name));
    }
    if (query.has('t')) found.push((row) => (row.tr.dataset.t || '').split('\n').includes(query.get('t')));
    if (query.has('e')) found.push((row) => query.get('e') === 'any' ? row.tr.dataset.e : row.tr.dataset.e === query.get('e'));
    if (query.get('d') === '1') found.push((row) => row.tr.dataset.d === '1');
    const words = (query.get('q') || '').toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length) {
      found.push((row) => {
        row.words ??= (row.tr.textContent + ' ' + row.tr.dataset.q).toLowerCase();
        return words.every((word) => row.words.includes(word));
      });
    }
    return found;
  };
  let last = null;
  const filter = (query) => {
    if (query.toString() === last) return;
    last = query.toString();
    const wanted = tests(query);
    let count = 0;
    for (const row of rows) {
      const fits = wanted.every((test) => test(row));
      row.tr.hidden = !fits;
      count += fits;
    }
    for (const group of groups) {
      group.element.hidden = group.rows.every((tr) => tr.hidden);
      if (wanted.length && !group.element.hidden) group.element.open = true;
    }
    for (const section of all('.rfc')) section.hidden = all('.group', section).every((group) => group.hidden);
    find('#shown').textContent = `${count.toLocaleString('en')} of ${rows.length.toLocaleString('en')} cases`;
    find('#nothing').hidden = count > 0;
  };

  const blocks = all('script.block');
  const unpacked = new Map();
  const unpack = async (number) => {
    if (!unpacked.has(number)) {
      const octets = Uint8Array.from(atob(blocks[number].textContent), (letter) => letter.charCodeAt(0));
      const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream('deflate'));
      unpacked.set(number, new Map(await new Response(stream).json()));
    }
    return unpacked.get(number);
  };
  // The pages were escaped when the report was written; the page's policy runs no script but this one.
  const article = async (id) => {
    if (inline.has(id)) return inline.get(id);
    const holder = document.createElement('template');
    holder.innerHTML = (await unpack(Number(byId.get(id).tr.dataset.b))).get(id);
    const page = find('.case', holder.content);
    inline.set(id, page);
    return page;
  };

  let place = 0;
  let from = null;
  const link = (text, target, key) => {
    const a = document.createElement('a');
    a.textContent = text;
    a.href = target;
    if (key) a.setAttribute('aria-keyshortcuts', key);
    return a;
  };
  const open = async (id, query) => {
    let page;
    try {
      page = await article(id);
    } catch (error) {
      page = document.createElement('p');
      page.textContent = `This case page cannot be unfolded by this browser (${error}). A newer one can.`;
    }
    if (address().id !== id) return;
    if (view.hidden) place = scrollY;
    const visible = rows.filter((row) => !row.tr.hidden);
    const at = visible.findIndex((row) => row.id === id);
    const bar = document.createElement('nav');
    bar.className = 'back';
    bar.setAttribute('aria-label', 'Case');
    bar.append(link('← All results', hash('', query).replace(/^#$/, '#results'), 'Escape'));
    if (at > 0) bar.append(link('Previous (k)', hash(visible[at - 1].id, query), 'k'));
    if (at >= 0 && at + 1 < visible.length) bar.append(link('Next (j)', hash(visible[at + 1].id, query), 'j'));
    view.replaceChildren(bar, page);
    view.hidden = false;
    overview.hidden = true;
    document.title = `${page.getAttribute('aria-label') || id} – Plumbline`;
    scrollTo(0, 0);
    page.focus({preventScroll: true});
    from = id;
  };
  const close = () => {
    if (view.hidden) return;
    view.hidden = true;
    view.replaceChildren();
    overview.hidden = false;
    document.title = title;
    scrollTo(0, place);
    const row = byId.get(from);
    if (row && !row.tr.hidden) find('a', row.tr).focus({preventScroll: true});
  };
  const follow = () => {
    const {id, query} = address();
    choose(query);
    filter(query);
    if (byId.has(id)) { open(id, query); return; }
    if (view.hidden && !id && query.size) find('#filter').scrollIntoView();
    close();
    const anchor = id && document.getElementById(id);
    if (anchor) {
      for (let fold = anchor.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
      anchor.scrollIntoView();
    }
  };

  // Charts: the pointer or the arrow keys read single values.
  for (const chart of all('.chart')) {
    const points = JSON.parse(chart.dataset.points);
    const names = all('.key', chart).map((key) => key.textContent);
    const svg = find('svg', chart);
    let at = points.length - 1;
    const read = (number) => {
      at = Math.max(0, Math.min(points.length - 1, number));
      const [x, where, ...values] = points[at];
      const cursor = find('.cursor', chart);
      cursor.setAttribute('transform', `translate(${x} 0)`);
      cursor.setAttribute('visibility', 'visible');
      find('output', chart).textContent = `at ${where}: ` + values.map((value, n) => `${names[n]} ${value}`).join(', ');
    };
    svg.addEventListener('pointermove', (event) => {
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * 720;
      let best = 0;
      points.forEach(([place], n) => { if (Math.abs(place - x) < Math.abs(points[best][0] - x)) best = n; });
      read(best);
    });
    svg.addEventListener('focus', () => read(at));
    svg.addEventListener('keydown', (event) => {
      const step = {ArrowLeft: -1, ArrowRight: 1, Home: -points.length, End: points.length}[event.key];
      if (step) { event.preventDefault(); read(at + step); }
    });
  }

  if (!form) return;
  form.hidden = false;
  let pending = 0;
  const changed = () => {
    clearTimeout(pending);
    pending = setTimeout(() => {
      const query = chosen();
      history.replaceState(null, '', query.toString() ? hash('', query) : location.pathname + location.search);
      filter(query);
    }, 60);
  };
  form.addEventListener('input', changed);
  form.addEventListener('reset', () => setTimeout(changed));
  form.addEventListener('submit', (event) => event.preventDefault());
  find('#clear').addEventListener('click', () => { form.reset(); find('[name=q]', form).focus(); });
  addEventListener('hashchange', follow);
  // A link to a case keeps the filters that are set.
  document.addEventListener('click', (event) => {
    const a = event.target.closest('a[href^="#"]');
    if (!a || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const id = decodeURIComponent(a.getAttribute('href').slice(1).split('?')[0]);
    if (byId.has(id) && !a.closest('.back')) {
      event.preventDefault();
      location.hash = hash(id, chosen());
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest('input, select, textarea');
    if (event.key === 'Escape' && !view.hidden) find('.back a', view).click();
    else if (event.key === '/' && !typing && view.hidden) { event.preventDefault(); find('[name=q]', form).focus(); }
    else if ((event.key === 'j' || event.key === 'k') && !typing && !view.hidden) {
      const step = find(`.back a[aria-keyshortcuts=${event.key}]`, view);
      if (step) step.click();
    }
  });
  follow();
})();
