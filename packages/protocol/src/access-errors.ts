import { defineErrors } from './define-errors.ts';

/** Who may do what, how often, and who is told. */
export const accessErrors = defineErrors({
  UNAUTHORIZED: {
    status: 401,
    message: 'Invalid or missing API key',
    suggestion:
      'Send the header "Authorization: Bearer br_live_…" with a key that is neither revoked nor expired.',
  },
  SIGN_IN_FAILED: {
    status: 401,
    message: 'Wrong e-mail address or password',
    suggestion:
      'Try again, or ask an owner of the organization for a new invitation link (POST /v1/users/invite).',
  },
  INVITATION_INVALID: {
    status: 401,
    message: 'This invitation is invalid, was used or has expired',
    suggestion: 'Ask an owner of the organization for a new one (POST /v1/users/invite).',
  },
  ORIGIN_REFUSED: {
    status: 403,
    message: 'A request with a session cookie that changes something must come from a page of this server',
    suggestion:
      'Send it from the dashboard, so that the browser adds this server’s Origin, or use an API key. Behind a proxy set BANATA_PUBLIC_URL.',
  },
  SIGN_IN_BLOCKED: {
    status: 429,
    message: 'Too many failed sign-ins',
    suggestion: 'Wait as many seconds as Retry-After says, then try again.',
  },
  SIGN_IN_METHOD_UNAVAILABLE: {
    status: 501,
    message: 'This server has no OpenID Connect provider',
    suggestion: 'Sign in with a password, or set BANATA_OIDC_ISSUER and what belongs to it.',
  },
  API_KEY_NOT_FOUND: {
    status: 404,
    message: 'API key not found',
    suggestion: 'List the keys with GET /v1/api-keys.',
  },
  USER_NOT_FOUND: {
    status: 404,
    message: 'User not found',
    suggestion: 'List the users with GET /v1/users.',
  },
  ORGANIZATION_SUSPENDED: {
    status: 403,
    message: 'The organization is suspended',
    suggestion:
      'Ask the operator of this installation; "reason" says why. Data is kept, and everything but the sandboxes is back once the organization is resumed.',
  },
  PLAN_FEATURE_UNAVAILABLE: {
    status: 403,
    message: 'The plan of the organization does not include this feature',
    suggestion: 'Leave the feature out, or change to the plan named in "requiredPlan".',
  },
  PLAN_LIMIT_EXCEEDED: {
    status: 403,
    message: 'This exceeds a limit of the organization’s plan',
    suggestion:
      'Ask for less, end or pause a sandbox, wait for the next period, or change the plan; GET /v1/billing shows the limits.',
  },
  RATE_LIMITED: {
    status: 429,
    message: 'Rate limit exceeded. Please try again later.',
    suggestion: 'Wait as many seconds as Retry-After says, then try again; back off with jitter.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 409,
    message: 'This Idempotency-Key was used with another request body',
    suggestion: 'Use a new key for a new request; a key stands for one request for 24 hours.',
  },
  IDEMPOTENCY_KEY_IN_USE: {
    status: 409,
    message: 'The first request with this Idempotency-Key is still running',
    suggestion: 'Send the same request again after as many seconds as Retry-After says.',
  },
  IDEMPOTENCY_OUTCOME_UNKNOWN: {
    status: 409,
    message: 'The first request with this Idempotency-Key was interrupted, and may have made the object',
    suggestion:
      'List the objects, delete the one whose secret you never got, and create anew with a new key.',
  },
  ORGANIZATION_NOT_FOUND: {
    status: 404,
    message: 'Organization not found',
    suggestion: 'List the organizations with GET /v1/organizations.',
  },
  BILLING_NOT_CONFIGURED: {
    status: 501,
    message: 'This server sells no plans',
    suggestion:
      'Ask the operator for another plan (POST /v1/organizations/plan), or have the operator set BANATA_BILLING_CHECKOUT_URL.',
  },
  BILLING_UNAVAILABLE: {
    status: 502,
    message: 'The billing system did not answer as it should',
    suggestion: 'Try again later; the server log has the details.',
  },
  LINK_INVALID: {
    status: 401,
    message: 'This link is invalid or has expired',
    suggestion: 'Ask the API for a fresh link; links are good for one sandbox and a limited time.',
  },
  PERMISSION_DENIED: {
    status: 403,
    message: 'Insufficient permissions',
    suggestion: 'Use an API key that has the scope named in "requiredScope".',
  },
  WEBHOOK_NOT_FOUND: {
    status: 404,
    message: 'Webhook not found',
    suggestion:
      'List your webhooks with GET /v1/webhooks; an id is good only for the organization that made it.',
  },
  DELIVERY_NOT_FOUND: {
    status: 404,
    message: 'Webhook delivery not found',
    suggestion:
      'List the deliveries with GET /v1/webhooks/deliveries?id=…; finished ones are kept for 30 days.',
  },
  WEBHOOK_URL_REFUSED: {
    status: 400,
    message: 'Webhooks are not sent to this URL',
    suggestion:
      'Give an https URL on the public internet, or have the operator list its host and port in BANATA_WEBHOOK_ALLOW_HOSTS.',
  },
  WEBHOOK_DISABLED: {
    status: 409,
    message: 'The webhook is disabled',
    suggestion: 'Enable it with POST /v1/webhooks/update { id, enabled: true } and try again.',
  },
  WEBHOOK_LIMIT_REACHED: {
    status: 409,
    message: 'The organization has as many webhooks as it may have',
    suggestion: 'Delete a webhook that is not needed; one webhook can get any number of event types.',
  },
});
