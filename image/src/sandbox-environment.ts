/**
 * `PATH` that the platform gives to what it starts for the account `user`. Login shells set the same one
 * (`/etc/profile.d/banata.sh`). Programs that run as root or `desktop` must not search the user's folders:
 * {@link SYSTEM_PATH} is for them.
 */
export const SANDBOX_PATH =
  '/home/user/.local/bin:/home/user/.bun/bin:/home/user/go/bin:' +
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `PATH` for the platform's own programs in a sandbox. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Variables that every process in a sandbox should start with. Those about certificates make programs that bring
 * a certificate store of their own (Node, Bun, Python packages in a virtual environment) use the system's, which
 * holds the operator's certificates too.
 */
export const SANDBOX_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: SANDBOX_PATH,
  LANG: 'C.UTF-8',
  NODE_EXTRA_CA_CERTS: CERTIFICATES,
  REQUESTS_CA_BUNDLE: CERTIFICATES,
  SSL_CERT_FILE: CERTIFICATES,
};
