export { DriverError } from './driver.ts';
export type {
  Box,
  BoxEndpoint,
  BoxFlow,
  BoxIsolation,
  BoxLimits,
  BoxListing,
  BoxNetwork,
  BoxRequest,
  BoxServices,
  BoxState,
  BoxUsage,
  DriverErrorCode,
  SandboxDriver,
  ServiceAddress,
} from './driver.ts';
export type { BoxCheckpoints, BoxPauses, RestoredContents, ResumedBox } from './lasting.ts';
export { originalDestination } from './oci/kernel/original-destination.ts';
export { OCI_HOST_PACKAGES } from './oci/host.ts';
export type { Logger } from './oci/logger.ts';
export { createOciDriver } from './oci/oci-driver.ts';
export type { OciDriverOptions, WarmStock } from './oci/settings.ts';
