const MARK = 'used-';
/** A port that the mark listens on; as /proc/net/tcp writes it. */
const PORT = 4567;
const PORT_HEX = PORT.toString(16).toUpperCase();
const FOLDERS = '/ /workspace /home/user /root /tmp /var/tmp /dev/shm /run /etc';

/** Runs a shell command in the sandbox as root and answers its stdout. */
export type RunAsRoot = (command: string) => Promise<string>;

/** What a sandbox shows of itself. */
export interface VirginReport {
  /** Traces of somebody before, such as the name of a file; empty in a sandbox that was never used. */
  traces: string[];
  /** What only one sandbox at a time may have: its address, and its machine id where it has one. */
  identity: string[];
}

/**
 * Looks for what {@link leaveMarks} leaves (files in every writable place, a running process, an open port, a variable
 * in the shell's start file) and for anything in the workspace.
 */
export async function lookForUse(run: RunAsRoot): Promise<VirginReport> {
  const traces = await run(`
    for folder in ${FOLDERS}; do ls -A $folder | grep '^${MARK}' | sed "s|^|file $folder/|"; done
    ls -A /workspace | grep -v -e '^${MARK}' -e '^downloads$' | sed 's|^|file /workspace/|'
    ps -eo args= | grep -v -e grep -e 'bash -c' | grep '${MARK}' | sed 's|^|process |'
    awk '$4 == "0A" && $2 ~ /:${PORT_HEX}$/ { print "port ${PORT}" }' /proc/net/tcp /proc/net/tcp6
    env | grep '${MARK}' | sed 's|^|variable |'
    grep '${MARK}' /home/user/.bashrc | sed 's|^|start file |'
    true`);
  const identity = await run('hostname -I | tr -d " \\n"; echo; cat /etc/machine-id');
  return { traces: linesOf(traces), identity: linesOf(identity) };
}

/** Uses the sandbox so that {@link lookForUse} would see it, in the next one too if anything were handed on. */
export async function leaveMarks(run: RunAsRoot, name: string): Promise<void> {
  const mark = `${MARK}${name}`;
  await run(`
    for folder in ${FOLDERS}; do echo x > $folder/${mark}; done
    echo 'export USED_BY=${mark}' >> /home/user/.bashrc
    setsid bash -c 'exec -a ${mark} sleep 3600' >/dev/null 2>&1 </dev/null &
    setsid python3 -m http.server ${PORT} >/dev/null 2>&1 </dev/null &
    for try in $(seq 100); do grep -q ':${PORT_HEX} ' /proc/net/tcp && break; sleep 0.05; done`);
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
