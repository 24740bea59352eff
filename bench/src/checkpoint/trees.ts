/** What is checkpointed: name, and the shell line that makes it below /workspace. */
export const TREES = [
  { name: '10 MiB', fill: 'head -c 10485760 /dev/urandom >/workspace/data' },
  { name: '1 GiB', fill: 'for i in 1 2 3 4; do head -c 268435456 /dev/urandom >/workspace/data$i; done' },
  {
    name: '10,000 files',
    fill: 'cd /workspace; for d in $(seq 100); do mkdir d$d; for f in $(seq 100); do echo "file $d $f" >d$d/f$f; done; done',
  },
] as const;

export type TreeName = (typeof TREES)[number]['name'];
