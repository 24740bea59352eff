/** The isolated world of the script below: it shares the page's elements, and none of the page's code reaches into it. */
export const FORM_WORLD = 'banata-forms';

/**
 * Defines `banataForms`: tells sign-in forms, fields for one-time codes and CAPTCHAs apart from other fields, and finds
 * the field that a value belongs in. Everything is asked of the prototypes, since a page can give its elements names
 * that hide their methods ("DOM clobbering").
 *
 * `autocomplete` values: html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill-field. Frames and
 * response fields of the CAPTCHAs: developers.google.com/recaptcha/docs/display, docs.hcaptcha.com,
 * developers.cloudflare.com/turnstile/get-started/client-side-rendering.
 */
export const FORM_SCRIPT = String.raw`(() => {
  if (globalThis.banataForms) return;
  const MAX_ELEMENTS = 20000;
  const MAX_ROOTS = 50;
  const attribute = (element, name) => Element.prototype.getAttribute.call(element, name) ?? '';
  const getter = (type, name) => {
    const { get } = Object.getOwnPropertyDescriptor(type.prototype, name);
    return (node) => get.call(node);
  };
  const typeOf = getter(Node, 'nodeType');
  const textContent = getter(Node, 'textContent');
  const documentOf = getter(Node, 'ownerDocument');
  const shadowOf = getter(Element, 'shadowRoot');
  // By number, since the nodes of frames have other prototypes.
  const OWNERS = { 1: Element, 9: Document, 11: DocumentFragment };
  const all = (root, selector) => [...OWNERS[typeOf(root)].prototype.querySelectorAll.call(root, selector)];
  const tidy = (text) => String(text ?? '').replace(/\s+/g, ' ').trim().slice(0, 120);
  const textOf = (node) => tidy(textContent(node));
  // The documents of frames that can be looked into, and open shadow trees.
  let known = null;
  const roots = () => (known ??= findRoots());
  const findRoots = () => {
    const found = [document];
    let seen = 0;
    for (let at = 0; at < found.length && found.length < MAX_ROOTS; at += 1) {
      const walker = Document.prototype.createTreeWalker.call(document, found[at], NodeFilter.SHOW_ELEMENT);
      for (let node = walker.nextNode(); node && seen < MAX_ELEMENTS; node = walker.nextNode()) {
        seen += 1;
        const shadow = shadowOf(node);
        if (shadow) found.push(shadow);
        if (!/^I?FRAME$/.test(node.tagName) || !isShown(node)) continue;
        let inner = null;
        try { inner = node.contentDocument; } catch {}
        if (inner) found.push(inner);
      }
    }
    return found;
  };
  const isShown = (element) => {
    const { width, height, right, bottom } = Element.prototype.getBoundingClientRect.call(element);
    const view = documentOf(element).defaultView;
    if (width < 3 || height < 3 || right + view.scrollX < 0 || bottom + view.scrollY < 0) return false;
    return Element.prototype.checkVisibility.call(element, { visibilityProperty: true, opacityProperty: true });
  };
  const isOpen = (field) => !field.disabled && !field.readOnly && isShown(field);
  const form = (field) => field.form ?? Element.prototype.closest.call(field, 'form,[role=form],fieldset,main,section,article') ?? field.ownerDocument.body;
  const label = (field) => {
    const labels = [...(field.labels ?? [])].map(textOf).join(' ');
    return tidy(attribute(field, 'aria-label') || labels || attribute(field, 'placeholder') || attribute(field, 'name') || field.id);
  };
  const words = (field) => [attribute(field, 'name'), field.id, attribute(field, 'aria-label'), attribute(field, 'placeholder'), ...[...(field.labels ?? [])].map(textOf)].join(' ').replace(/([a-z])([A-Z])/g, '$1 $2').replace(/[_.\[\]-]+/g, ' ').toLowerCase();
  const completes = (field, token) => attribute(field, 'autocomplete').toLowerCase().split(/\s+/).includes(token);
  const buttons = (field) => all(form(field), 'button,input[type=submit],[role=button]').slice(0, 20).map((button) => tidy(button.value || textOf(button))).join(' | ').toLowerCase();
  const SIGN_UP = /sign ?up|register|create (an |your )?account|join now|registrieren|konto erstellen|inscription|s'inscrire|regístrate|crear cuenta|subscribe|abonnieren/;
  const SIGN_IN = /sign ?in|log ?in|log ?on|anmelden|einloggen|connexion|se connecter|iniciar sesión|acceder|accedi|continue|next|weiter/;
  const CODE = /\b(otp|totp|2fa|mfa|one[ -]?time|verification code|verify code|security code|authenticat(or|ion) code|auth code|login code|sms code|passcode|einmalcode|bestätigungscode|sicherheitscode|code de vérification|código de verificación)\b/;
  const CODE_TYPES = /^(text|tel|number|password)$/;
  const isCardField = (field) => all(form(field), 'input[autocomplete*=cc-]').length > 0 || /card|cvc|cvv|cc-/.test(words(field) + attribute(field, 'autocomplete'));
  const inputs = () => roots().flatMap((root) => all(root, 'input')).slice(0, 2000);
  const isCode = (field) => {
    if (!CODE_TYPES.test(field.type) || !isOpen(field)) return false;
    if (completes(field, 'one-time-code')) return true;
    if (completes(field, 'current-password') || completes(field, 'new-password')) return false;
    const length = field.maxLength;
    const short = length >= 4 && length <= 10;
    const numeric = /^(numeric|decimal|tel)$/.test(attribute(field, 'inputmode')) || field.type === 'tel' || field.type === 'number' || /\\d|0-9/.test(attribute(field, 'pattern'));
    return CODE.test(words(field)) && (short || numeric || field.type !== 'password') && !isCardField(field);
  };
  // One box for each character of a code.
  const split = (fields) => {
    const groups = new Map();
    for (const field of fields) {
      if (!CODE_TYPES.test(field.type) || field.maxLength !== 1 || !isOpen(field)) continue;
      const owner = form(field);
      groups.set(owner, [...(groups.get(owner) ?? []), field]);
    }
    return [...groups.values()].find((group) => group.length >= 4 && group.length <= 10) ?? null;
  };
  const codeFields = () => {
    const fields = inputs();
    const group = split(fields);
    if (group) return [group[0]];
    return fields.filter(isCode);
  };
  const passwords = () => inputs().filter((field) => field.type === 'password' && isOpen(field) && !completes(field, 'one-time-code'));
  const login = () => {
    for (const field of passwords()) {
      if (isCode(field) || completes(field, 'new-password') || isCardField(field)) continue;
      const siblings = all(form(field), 'input[type=password]').filter(isOpen);
      if (siblings.length > 1) continue;
      const said = buttons(field);
      if (SIGN_UP.test(said) && !SIGN_IN.test(said)) continue;
      return 'password field "' + label(field) + '"';
    }
    for (const field of inputs()) {
      if (!/^(text|email|tel)$/.test(field.type) || !completes(field, 'username') || !isOpen(field)) continue;
      const said = buttons(field);
      if (SIGN_IN.test(said) && !SIGN_UP.test(said)) return 'sign-in name field "' + label(field) + '"';
    }
    return null;
  };
  const otp = () => {
    const [field] = codeFields();
    return field ? 'one-time code field "' + label(field) + '"' : null;
  };
  const FRAMES = [
    ['reCAPTCHA', /^https:\/\/(www\.google\.com|www\.recaptcha\.net|recaptcha\.google\.com)\/recaptcha\/(api2|enterprise)\/(anchor|bframe)(?!.*[?&]size=invisible)/],
    ['hCaptcha', /^https:\/\/([a-z0-9-]+\.)*hcaptcha\.com\/captcha\/(?!.*[#?&](size=invisible|frame=checkbox-invisible))/],
    ['Turnstile', /^https:\/\/challenges\.cloudflare\.com\//],
  ];
  // Held by the widgets for their answer; Turnstile keeps its frame where no script sees it.
  const ANSWERS = [
    ['reCAPTCHA', 'textarea[name=g-recaptcha-response]', '.g-recaptcha:not([data-size=invisible])'],
    ['hCaptcha', 'textarea[name=h-captcha-response]', '.h-captcha:not([data-size=invisible])'],
    ['Turnstile', 'input[name=cf-turnstile-response]', '.cf-turnstile:not([data-size=invisible])'],
  ];
  const isWidget = (element) => {
    const { width, height } = Element.prototype.getBoundingClientRect.call(element);
    return width >= 100 && height >= 50 && isShown(element);
  };
  const captcha = () => {
    const scopes = roots();
    const answered = (kind) => {
      const [, answer] = ANSWERS.find(([name]) => name === kind);
      return scopes.some((root) => all(root, answer).some((field) => field.value !== ''));
    };
    for (const root of scopes) {
      for (const frame of all(root, 'iframe').slice(0, 200)) {
        const kind = FRAMES.find(([, pattern]) => pattern.test(frame.src))?.[0];
        if (kind && isWidget(frame) && !answered(kind)) return kind + ' widget';
      }
      for (const [kind, answer, box] of ANSWERS) {
        const held = all(root, answer).map((field) => field.parentElement);
        const boxes = kind === 'Turnstile' ? [...all(root, box), ...held] : [];
        if (boxes.some((element) => element && isWidget(element)) && all(root, answer).length > 0 && !answered(kind)) return kind + ' widget';
      }
    }
    return null;
  };
  const seers = { login, otp, captcha };
  let held = null;
  const focused = () => {
    let at = document.activeElement;
    for (let depth = 0; at && depth < 20; depth += 1) {
      let inner = null;
      try { inner = at.shadowRoot?.activeElement ?? at.contentDocument?.activeElement ?? null; } catch {}
      if (!inner) break;
      at = inner;
    }
    return at;
  };
  const takesText = (element) => element !== null && ((/^(INPUT|TEXTAREA)$/.test(element.tagName) && !/^(button|submit|reset|image|checkbox|radio|range|color|file|hidden)$/.test(element.type) && !element.disabled && !element.readOnly) || element.isContentEditable === true);
  const only = (fields) => fields.length === 1 ? fields[0] : fields.includes(focused()) ? focused() : null;
  const chosen = (kind, selector) => {
    if (selector === null) {
      if (kind === 'password') return only(passwords());
      if (kind === 'otp') return only(codeFields());
      return focused();
    }
    for (const root of roots()) {
      const found = all(root, selector).filter((element) => takesText(element) && isShown(element));
      if (found.length > 0) return found[0];
    }
    return null;
  };
  globalThis.banataForms = {
    see: (kinds) => {
      known = null;
      return Object.fromEntries(kinds.map((kind) => [kind, seers[kind]()]));
    },
    hold: (kind, selector) => {
      known = null;
      let found = null;
      try { found = chosen(kind, selector); } catch { return 'selector'; }
      held = takesText(found) ? found : null;
      if (!held) return 'missing';
      held.scrollIntoView({ block: 'center', behavior: 'instant' });
      held.focus();
      if (typeof held.select === 'function') held.select();
      return held.maxLength === 1 ? 'characters' : 'text';
    },
    length: () => (held?.value ?? held?.textContent ?? '').length,
  };
})()`;
