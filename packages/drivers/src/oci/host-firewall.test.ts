import { expect, test } from 'vitest';

import { foreignDrops } from './host-firewall.ts';

const LISTING = `table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
	}
	chain output {
		type filter hook output priority filter; policy drop;
	}
}
table inet banata_ab12cd {
	chain forward {
		type filter hook forward priority filter - 10; policy drop;
	}
}
`;

test('finds chains of others that drop by default, but those of iptables', () => {
  expect(foreignDrops(LISTING, 'banata_ab12cd')).toEqual([{ table: 'inet filter', hook: 'input' }]);
  expect(foreignDrops('', 'banata_ab12cd')).toEqual([]);
});
