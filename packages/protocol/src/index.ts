export { allRoutes, contract } from './contract.ts';
export { ApiError, errorBodySchema, errorRegistry, type ErrorBody, type ErrorCode } from './errors.ts';
export {
  eventRegistry,
  eventTypeSchema,
  sandboxEventSchema,
  type EventData,
  type EventType,
  type SandboxEvent,
} from './event-registry.ts';
export { idSchema, newId, randomText } from './ids.ts';
export { openApiDocument, routeErrors } from './openapi.ts';
export {
  defineRoute,
  type RouteBody,
  type RouteDefinition,
  type RouteQuery,
  type RouteResult,
} from './route.ts';
export { scopeSchema, type Scope } from './scopes.ts';
export * from './schemas/agent.ts';
export * from './schemas/artifacts.ts';
export * from './schemas/browser.ts';
export * from './schemas/capabilities.ts';
export * from './schemas/contexts.ts';
export * from './schemas/processes.ts';
export * from './schemas/terminal.ts';
export * from './schemas/sandbox.ts';
export * from './schemas/work.ts';
