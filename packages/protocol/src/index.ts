export { allRoutes, contract } from './contract.ts';
export { ApiError, errorBodySchema, errorRegistry, type ErrorBody, type ErrorCode } from './errors.ts';
export {
  eventRegistry,
  eventTypes,
  eventTypeSchema,
  highRateEventTypes,
  organizationEventSchema,
  sandboxEventSchema,
  type EventData,
  type EventType,
  type OrganizationEvent,
  type SandboxEvent,
} from './event-registry.ts';
export type { EventDefinition } from './events/define-event.ts';
export { idSchema, newId, randomText } from './ids.ts';
export { openApiDocument, routeErrors } from './openapi.ts';
export { rateLimitOf, rateLimits, type RateLimit, type RateLimitName } from './rate-limits.ts';
export {
  defineRoute,
  type RouteBody,
  type RouteDefinition,
  type RouteQuery,
  type RouteResult,
} from './route.ts';
export { roleSchema, roleScopes, scopeSchema, type Role, type Scope } from './scopes.ts';
export * from './schemas/access.ts';
export * from './schemas/agent.ts';
export * from './schemas/artifacts.ts';
export * from './schemas/browser.ts';
export * from './schemas/browsers.ts';
export * from './schemas/proxy.ts';
export * from './schemas/capabilities.ts';
export * from './schemas/computer.ts';
export * from './schemas/checkpoints.ts';
export * from './schemas/documents.ts';
export * from './schemas/handoff.ts';
export * from './schemas/handoff-detector.ts';
export * from './schemas/handoff-fields.ts';
export * from './schemas/viewer-nonce.ts';
export * from './schemas/plans.ts';
export * from './schemas/files.ts';
export * from './schemas/model-keys.ts';
export * from './schemas/network.ts';
export * from './schemas/ports.ts';
export * from './schemas/profiles.ts';
export * from './schemas/recording.ts';
export * from './schemas/contexts.ts';
export * from './schemas/processes.ts';
export * from './schemas/terminal.ts';
export * from './schemas/sandbox.ts';
export * from './schemas/skills.ts';
export * from './schemas/usage.ts';
export * from './schemas/webhooks.ts';
export * from './schemas/work.ts';
