/** A page and what the detectors are to see in it. */
export interface DetectorPage {
  html: string;
  sees: ('login' | 'otp' | 'captcha')[];
}

const page = (body: string, sees: DetectorPage['sees'] = []): DetectorPage => ({
  html: `<!doctype html><meta charset="utf-8"><title>Page</title><body>${body}`,
  sees,
});

const recaptcha = (query: string): string =>
  `<iframe title="reCAPTCHA" width="304" height="78" src="https://www.google.com/recaptcha/api2/anchor?ar=1&k=x${query}"></iframe>`;
const SPLIT_CODE = '<input type="tel" inputmode="numeric" maxlength="1" style="width:2em">'.repeat(6);

/** By path. */
export const DETECTOR_PAGES: Readonly<Record<string, DetectorPage>> = {
  '/login': page(
    '<form><label>E-mail <input type="email" autocomplete="username"></label><label>Password <input type="password" autocomplete="current-password"></label><button>Sign in</button></form>',
    ['login'],
  ),
  '/login-bare': page('<div><input name="u"><input name="p" type="password"><a role="button">Go</a></div>', [
    'login',
  ]),
  '/login-name-first': page(
    '<form><label>E-mail <input type="email" autocomplete="username webauthn"></label><button>Next</button></form>',
    ['login'],
  ),
  '/login-in-shadow': page(
    `<x-login></x-login><script>
      document.querySelector('x-login').attachShadow({ mode: 'open' }).innerHTML =
        '<form><input type="password" aria-label="Password"><button>Log in</button></form>';
    </script>`,
    ['login'],
  ),
  '/login-in-frame': page(`<iframe src="/login" width="400" height="200"></iframe>`, ['login']),
  // Names that hide the methods of document and form.
  '/login-clobbered': page(
    '<form><input name="querySelectorAll"><input name="getAttribute"><input type="password" name="elements"><button>Sign in</button></form><img name="querySelectorAll"><img name="createTreeWalker">',
    ['login'],
  ),
  '/otp': page(
    '<form><label>Code from your phone <input autocomplete="one-time-code" inputmode="numeric"></label><button>Verify</button></form>',
    ['otp'],
  ),
  '/otp-by-name': page(
    '<form><label>Verification code <input name="otp_code" maxlength="6"></label><button>Verify</button></form>',
    ['otp'],
  ),
  '/otp-split': page(`<form><p>Enter the code</p>${SPLIT_CODE}</form>`, ['otp']),
  '/recaptcha': page(
    `<form>${recaptcha('')}<textarea name="g-recaptcha-response" hidden></textarea></form>`,
    ['captcha'],
  ),
  '/hcaptcha': page(
    '<form><iframe width="303" height="78" src="https://newassets.hcaptcha.com/captcha/v1/x/static/hcaptcha.html#frame=checkbox"></iframe><textarea name="h-captcha-response" hidden></textarea></form>',
    ['captcha'],
  ),
  // As Turnstile draws itself: its frame in a closed shadow tree, its answer in a hidden field.
  '/turnstile': page(
    `<form><div id="box" style="width:300px;height:65px"><div></div><input type="hidden" name="cf-turnstile-response"></div></form><script>
      const frame = document.createElement('iframe');
      frame.src = 'https://challenges.cloudflare.com/cdn-cgi/challenge-platform/x';
      document.querySelector('#box > div').attachShadow({ mode: 'closed' }).append(frame);
    </script>`,
    ['captcha'],
  ),

  '/search': page(
    '<form role="search"><input type="search" name="q" placeholder="Search"><button>Search</button></form>',
  ),
  '/newsletter': page(
    '<h1>News</h1><form><input type="email" name="email" autocomplete="email" placeholder="Your e-mail"><button>Subscribe</button></form>',
  ),
  '/about-captcha': page(
    '<h1>What is a CAPTCHA?</h1><p>reCAPTCHA, hCaptcha and Turnstile are captcha widgets. Never share your password or one-time code.</p><a href="https://www.google.com/recaptcha/api2/anchor">More</a>',
  ),
  '/sign-up': page(
    '<form><input type="email" autocomplete="username"><input type="password" autocomplete="new-password"><button>Create account</button></form>',
  ),
  '/change-password': page(
    '<form><input type="password"><input type="password"><input type="password"><button>Save</button></form>',
  ),
  '/card': page(
    '<form><input autocomplete="cc-number"><label>Security code <input name="cvc" maxlength="4" inputmode="numeric" autocomplete="cc-csc"></label><button>Pay</button></form>',
  ),
  '/coupon': page(
    '<form><label>Promo code <input name="code" maxlength="8"></label><label>ZIP code <input name="zip" maxlength="5" inputmode="numeric"></label><button>Apply</button></form>',
  ),
  '/hidden': page(
    `<form style="display:none"><input type="password"></form><form style="position:absolute;left:-9999px"><input autocomplete="one-time-code"></form><div style="visibility:hidden">${recaptcha('')}</div>`,
  ),
  '/recaptcha-invisible': page(
    `${recaptcha('&size=invisible')}<textarea name="g-recaptcha-response" hidden></textarea>`,
  ),
  '/recaptcha-solved': page(
    `${recaptcha('')}<textarea name="g-recaptcha-response" hidden>03AGdBq24token</textarea>`,
  ),
};
