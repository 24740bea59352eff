/** Function through which the script in the page's isolated world tells of what happens in the page. */
export const STEP_BINDING = 'banataStep';
/** The isolated world: it shares the page's elements and none of the page's code reaches into it. */
export const STEP_WORLD = 'banata-steps';

/**
 * Defines `banataSteps` in the isolated world: names elements and finds them again, by the same rules, so that what was
 * recorded is what is looked for. Names follow the order of "Accessible Name and Description Computation 1.2"
 * (w3.org/TR/accname-1.2, 4.3) for the cases that forms and links are made of.
 */
export const PAGE_SCRIPT = String.raw`(() => {
  if (globalThis.banataSteps) return;
  const INTERACTIVE = 'a[href],area[href],button,input,select,textarea,summary,option,label,[role],[onclick],[tabindex],[contenteditable=""],[contenteditable=true]';
  const tidy = (text) => (text ?? '').replace(/\s+/g, ' ').trim().slice(0, 300);
  const INPUT_ROLES = { button: 'button', submit: 'button', reset: 'button', image: 'button', checkbox: 'checkbox', radio: 'radio', range: 'slider', number: 'spinbutton', search: 'searchbox' };
  const TAG_ROLES = { BUTTON: 'button', TEXTAREA: 'textbox', SUMMARY: 'button', OPTION: 'option', LABEL: 'label', H1: 'heading', H2: 'heading', H3: 'heading', IMG: 'img', LI: 'listitem' };
  const role = (element) => {
    const given = tidy(element.getAttribute('role')).split(' ')[0];
    if (given) return given.slice(0, 100);
    const { tagName } = element;
    if ((tagName === 'A' || tagName === 'AREA') && element.hasAttribute('href')) return 'link';
    if (tagName === 'INPUT') return INPUT_ROLES[element.type] ?? 'textbox';
    if (tagName === 'SELECT') return element.multiple || element.size > 1 ? 'listbox' : 'combobox';
    if (element.isContentEditable) return 'textbox';
    return TAG_ROLES[tagName] ?? 'generic';
  };
  const labelText = (label, field) => {
    const copy = label.cloneNode(true);
    for (const inner of copy.querySelectorAll('input,select,textarea,script,style')) inner.remove();
    return tidy(copy.textContent);
  };
  const contentName = (element) => {
    const text = tidy(element.innerText ?? element.textContent);
    if (text) return text;
    return tidy([...element.querySelectorAll('img[alt],[aria-label],svg title')].map((inner) => inner.getAttribute('alt') ?? inner.getAttribute('aria-label') ?? inner.textContent).join(' '));
  };
  const name = (element) => {
    const ids = tidy(element.getAttribute('aria-labelledby'));
    if (ids) {
      const scope = element.getRootNode();
      const text = tidy(ids.split(' ').map((id) => scope.getElementById?.(id)?.textContent ?? '').join(' '));
      if (text) return text;
    }
    const label = tidy(element.getAttribute('aria-label'));
    if (label) return label;
    const isField = /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName);
    if (isField && element.labels?.length) {
      const text = tidy([...element.labels].map(labelText).join(' '));
      if (text) return text;
    }
    if (element.tagName === 'INPUT' && /^(button|submit|reset)$/.test(element.type)) {
      return tidy(element.value) || ({ submit: 'Submit', reset: 'Reset' }[element.type] ?? '');
    }
    const alt = tidy(element.getAttribute('alt'));
    if (alt) return alt;
    if (!isField) {
      const text = contentName(element);
      if (text) return text;
    }
    return tidy(element.getAttribute('title')) || tidy(element.getAttribute('placeholder'));
  };
  const quoted = (text) => '"' + text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\a ') + '"';
  const isOnly = (selector, element) => {
    try {
      const found = element.getRootNode().querySelectorAll(selector);
      return found.length === 1 && found[0] === element;
    } catch { return false; }
  };
  // Attributes that people give elements for good; ids with numbers in them are often made anew for each page.
  const lasting = (element) => {
    const found = [];
    for (const attribute of ['data-testid', 'data-test', 'data-test-id', 'data-qa']) {
      const value = element.getAttribute(attribute);
      if (value) found.push('[' + attribute + '=' + quoted(value) + ']');
    }
    if (element.id && !/\d{3}|[:.]/.test(element.id)) found.push('#' + CSS.escape(element.id));
    const field = element.getAttribute('name');
    if (field) found.push(element.tagName.toLowerCase() + '[name=' + quoted(field) + ']');
    return found.find((selector) => selector.length < 500 && isOnly(selector, element)) ?? null;
  };
  const selector = (element) => {
    if (element.getRootNode() !== document) return null;
    const own = lasting(element);
    if (own) return own;
    const path = [];
    for (let at = element; at && at !== document.documentElement && path.length < 12; at = at.parentElement) {
      const anchor = at === element ? null : lasting(at);
      if (anchor) { path.unshift(anchor); break; }
      const same = [...(at.parentElement?.children ?? [])].filter((other) => other.tagName === at.tagName);
      path.unshift(at.tagName.toLowerCase() + (same.length > 1 ? ':nth-of-type(' + (same.indexOf(at) + 1) + ')' : ''));
    }
    const whole = path.join(' > ');
    return whole.length < 1000 && isOnly(whole, element) ? whole : null;
  };
  const isShown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && element.checkVisibility({ visibilityProperty: true });
  };
  // A click on the text within a button is a click on the button.
  const target = (element) => {
    for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
      if (at.matches?.(INTERACTIVE)) return at.tagName === 'LABEL' && at.control ? at.control : at;
    }
    return element;
  };
  const describe = (element) => ({ role: role(element), name: name(element), selector: selector(element) });
  function* within(root) {
    for (const element of root.querySelectorAll('*')) {
      yield element;
      if (element.shadowRoot) yield* within(element.shadowRoot);
    }
  }
  const find = (wanted) => {
    const named = [];
    let seen = 0;
    for (const element of within(document)) {
      if ((seen += 1) > 50000) break;
      if (role(element) === wanted.role && name(element) === wanted.name && (isShown(element) || /^(checkbox|radio)$/.test(wanted.role))) named.push(element);
    }
    const selected = wanted.selector ? [...document.querySelectorAll(wanted.selector)] : [];
    if (named.length === 1 && wanted.name) return { element: named[0], foundBy: 'role-and-name' };
    if (selected.length === 1 && named.includes(selected[0])) return { element: selected[0], foundBy: 'role-and-name' };
    if (named.length > 1 && wanted.name) return { problem: named.length + ' elements are ' + wanted.role + ' "' + wanted.name + '", and which is meant cannot be told' };
    // An element of another name is taken only by what its authors named it for good.
    const isLasting = /^(#|\[data-|[a-z]+\[name=)[^>]*$/.test(wanted.selector ?? '');
    if (selected.length === 1 && isLasting && role(selected[0]) === wanted.role) return { element: selected[0], foundBy: 'selector' };
    return { problem: 'no element is ' + wanted.role + ' "' + wanted.name + '"' + (wanted.selector ? ' or fits ' + wanted.selector : '') };
  };
  // What the next steps work on; elements cannot leave the isolated world.
  let held = null;
  const hold = (wanted) => {
    const found = find(wanted);
    held = found.element ?? null;
    if (!held) return { problem: found.problem };
    if (held.disabled || held.getAttribute('aria-disabled') === 'true') return { problem: 'the element is disabled', foundBy: found.foundBy };
    held.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    let shown = held;
    if (!isShown(held)) shown = held.labels?.[0] ?? held;
    const box = shown.getBoundingClientRect();
    const x = box.x + box.width / 2;
    const y = box.y + box.height / 2;
    let hit = document.elementFromPoint(x, y);
    while (hit?.shadowRoot) {
      const inner = hit.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === hit) break;
      hit = inner;
    }
    const isHit = hit && (shown.contains(hit) || hit.contains(shown) && hit.tagName === 'LABEL' || target(hit) === held);
    if (!isHit) return { problem: 'something else lies over the element', foundBy: found.foundBy };
    return { foundBy: found.foundBy, x, y, box: [box.x, box.y, box.width, box.height].join(), checked: typeof held.checked === 'boolean' ? held.checked : null };
  };
  const tell = (event) => {
    held.dispatchEvent(new Event(event, { bubbles: true, composed: true }));
  };
  const TYPED = new Set(['date', 'time', 'month', 'week', 'datetime-local', 'color', 'range']);
  const prepareText = (value) => {
    if (!held) return 'gone';
    held.focus();
    if (TYPED.has(held.type)) {
      held.value = value;
      tell('input');
      tell('change');
      return 'done';
    }
    if (typeof held.select === 'function') held.select();
    else getSelection().selectAllChildren(held);
    return value === '' ? 'clear' : 'type';
  };
  const text = () => (held?.isContentEditable ? held.innerText : held?.value) ?? null;
  const choose = (labels) => {
    if (held?.tagName !== 'SELECT') return 'the element is no list of options';
    const options = [...held.options];
    const wanted = labels.map((label) => options.find((option) => option.value === label || tidy(option.label) === label));
    const missing = labels.filter((_, index) => !wanted[index]);
    if (missing.length > 0) return 'there is no option ' + missing.join(', ');
    for (const option of options) option.selected = wanted.includes(option);
    tell('input');
    tell('change');
    return null;
  };
  globalThis.banataSteps = {
    hold, prepareText, text, choose,
    checked: () => held?.checked ?? null,
    state: () => ({ ready: document.readyState, url: location.href, title: document.title }),
    pageText: (max) => (document.body?.innerText ?? '').slice(0, max),
    shows: (wanted) => (document.body?.innerText ?? '').includes(wanted),
  };
  const isTop = (() => { try { return window === window.top; } catch { return false; } })();
  const SECRET = /password|one-time-code|cc-/;
  const say = (type, event) => {
    const element = target(event.composedPath()[0] ?? event.target);
    if (!(element instanceof Element) || typeof globalThis.${STEP_BINDING} !== 'function') return;
    globalThis.${STEP_BINDING}(JSON.stringify({
      type,
      element: isTop ? describe(element) : null,
      url: location.href.slice(0, 4096),
      secret: SECRET.test((element.type ?? '') + ' ' + (element.autocomplete ?? '')),
      checked: element.type === 'checkbox' || element.type === 'radio' ? element.checked : null,
    }));
  };
  addEventListener('click', (event) => say('click', event), true);
  addEventListener('input', (event) => say('input', event), true);
  addEventListener('change', (event) => say('change', event), true);
})()`;
