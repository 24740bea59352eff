/** OCI runtimes that tests of a box run in: runc, and with `BANATA_TEST_ALL` (`./banata test --all`) gVisor's too. */
export function testRuntimes(env: NodeJS.ProcessEnv): ('runc' | 'runsc')[] {
  return env['BANATA_TEST_ALL'] ? ['runc', 'runsc'] : ['runc'];
}
