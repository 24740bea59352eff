import { DriverError } from '../driver.ts';

/** Every name this instance uses on the host. All carry the instance id, so that installations leave each other alone. */
export interface HostNames {
  instanceId: string;
  /** Common start of the host ends of the boxes' links; interface names have at most 15 characters. */
  linkPrefix: string;
  /** Interface that holds the service address. */
  serviceLink: string;
  /** nftables table of the family inet. */
  table: string;
  /** Parent of the boxes' cgroups, below the root of each hierarchy. */
  cgroup: string;
  netnsPrefix: string;
  link(slot: number): string;
  netns(slot: number): string;
}

/** @throws {@link DriverError} when the id is not six lowercase letters and digits. */
export function hostNames(instanceId: string): HostNames {
  if (!/^[a-z0-9]{6}$/.test(instanceId)) {
    throw new DriverError(
      'HOST_UNSUITABLE',
      `The instance id "${instanceId}" is not valid: give six lowercase letters or digits.`,
    );
  }
  const linkPrefix = `bn${instanceId}h`;
  const netnsPrefix = `bn-${instanceId}-`;
  return {
    instanceId,
    linkPrefix,
    serviceLink: `bn${instanceId}s`,
    table: `banata_${instanceId}`,
    cgroup: `banata-${instanceId}`,
    netnsPrefix,
    link: (slot) => `${linkPrefix}${slot}`,
    netns: (slot) => `${netnsPrefix}${slot}`,
  };
}

/** Number at the end of a name with this prefix, or undefined when the name is not of that form. */
export function slotOfName(name: string, prefix: string): number | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const rest = name.slice(prefix.length);
  return /^\d{1,4}$/.test(rest) ? Number(rest) : undefined;
}
