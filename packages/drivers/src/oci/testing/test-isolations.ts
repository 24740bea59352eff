import type { BoxIsolation } from '../../driver.ts';

const ALL: BoxIsolation[] = ['container', 'gvisor'];

/**
 * Isolations that tests run in, from BANATA_TEST_ISOLATIONS (separated by commas). Default: containers; with
 * BANATA_TEST_ALL (`./banata test --all`) all there are.
 * @throws when the variable names another.
 */
export function testIsolations(environment: NodeJS.ProcessEnv): BoxIsolation[] {
  const named = (
    environment['BANATA_TEST_ISOLATIONS'] ?? (environment['BANATA_TEST_ALL'] ? ALL.join(',') : 'container')
  ).split(',');
  const known = ALL.filter((isolation) => named.includes(isolation));
  if (known.length === named.length) return known;
  throw new Error(`BANATA_TEST_ISOLATIONS is "${named.join(',')}": give ${ALL.join(' or ')}, or both.`);
}
