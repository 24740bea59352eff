import { contract } from '@banata/protocol';
import type { SkillService } from '../services/skills/skill-service.ts';
import type { Mount } from './mount.ts';

export function mountSkills(mount: Mount, { skills }: { skills: SkillService }): void {
  const routes = contract.skills;

  mount.route(routes.createSkill, ({ caller, body }) => skills.create(caller, body));

  mount.route(routes.getSkills, ({ caller, query: { id, ...options } }) =>
    id === undefined ? skills.list(caller, options) : skills.get(caller, id),
  );

  mount.route(routes.deleteSkill, async ({ caller, query: { id } }) => {
    await skills.delete(caller, id);
    return { id, deleted: true as const };
  });

  mount.route(routes.runSkill, ({ caller, body, reservation }) => skills.run(caller, body, reservation));
}
