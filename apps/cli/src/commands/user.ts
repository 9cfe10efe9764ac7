/** `tinyfleet user`: members of a project, invitations, and (for administrators of the instance) everybody's accounts. */
import type { Resource } from '@tinyfleet/contracts';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { integer, usage } from '../arguments.js';
import { ago } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

const roles = ['viewer', 'operator', 'developer', 'admin'] as const;
type Role = (typeof roles)[number];

export function userCommand(): Command {
  const command = new Command('user').description('People: members, roles, invitations');
  for (const sub of [
    listCommand(),
    showCommand(),
    inviteCommand(),
    invitationsCommand(),
    revokeCommand(),
    roleCommand(),
    removeCommand(),
    resetCommand(),
    switchCommand('disable', 'refuse somebody from now on; sessions and tokens end at once', {
      disabled: true,
    }),
    switchCommand('enable', 'admit somebody again', { disabled: false }),
    adminCommand(),
    proveCommand(),
  ])
    command.addCommand(sub);
  return command;
}

function listCommand(): Command {
  return new Command('list')
    .description('members of the project and administrators of the instance, or everybody with an account')
    .option('--all', 'everybody on this server (administrators)')
    .option('--text <text>', 'with --all: part of an address or name')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx tinyfleet user list\n  $ npx tinyfleet user list --all --text example.com',
    )
    .action(async (options: { all?: boolean; text?: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      if (options.all === true) {
        const text = options.text === undefined ? {} : { text: options.text };
        const people = await all((query) => client.call('personList', { query: { ...query, ...text } }));
        session.out.list(people, [
          { header: 'email', value: (p) => p.email },
          { header: 'name', value: (p) => p.name },
          { header: 'kind', value: (p) => (p.isAdmin ? 'administrator' : 'user') },
          {
            header: 'projects',
            value: (p) => p.projects.map(({ name, role }) => `${name}:${role}`).join(' '),
          },
          { header: 'state', value: (p) => (p.disabledAt === null ? 'enabled' : 'disabled') },
          { header: 'last login', value: (p) => p.lastLoginAt, text: (p) => ago(p.lastLoginAt) },
        ]);
        return;
      }
      if (options.text !== undefined) usage('--text goes with --all.');
      const project = await session.project();
      const members = await all((query) => client.call('memberList', { params: { project }, query }));
      session.out.list(members, [
        { header: 'email', value: (m) => m.email },
        { header: 'name', value: (m) => m.name },
        { header: 'role', value: (m) => m.role },
        {
          header: 'of',
          value: (m) => (m.isAdmin ? 'instance' : 'project'),
          text: (m) => (m.isAdmin ? pc.yellow('instance') : 'project'),
        },
        { header: 'state', value: (m) => (m.disabled ? 'disabled' : 'enabled') },
        { header: 'last login', value: (m) => m.lastLoginAt, text: (m) => ago(m.lastLoginAt) },
      ]);
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('one person and all memberships (administrators)')
    .argument('<email>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet user show ada@example.com')
    .action(async (email: string, _options, self: Command) => {
      const session = Session.of(self);
      const person = await (await session.client()).call('personGet', { params: { email } });
      session.out.one(person, () => personText(person));
    });
}

function personText(person: Resource<'Person'>): string {
  return renderFacts([
    ['email', person.email + (person.disabledAt === null ? '' : pc.red('  disabled'))],
    ['name', person.name],
    ['administrator', person.isAdmin ? 'yes' : 'no'],
    ['address', person.emailProvenAt === null ? 'not proven' : `proven ${ago(person.emailProvenAt)}`],
    ['signs in with', [...(person.hasPassword ? ['password'] : []), ...person.providers].join(', ')],
    ['last login', ago(person.lastLoginAt)],
    ...person.projects.map(({ name, role }) => ['project', `${name}: ${role}`] as const),
  ]);
}

function inviteCommand(): Command {
  return new Command('invite')
    .description('make a one-time link with which somebody joins the project')
    .argument('<email>')
    .addOption(new Option('--role <role>', 'role in the project').choices(roles).default('viewer'))
    .option('--instance', 'an account without a project (administrators)')
    .option('--admin', 'an administrator of the instance (administrators)')
    .option('--hours <n>', 'how long the link is good for', integer('--hours', 1, 720), 72)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet user invite ada@example.com --role developer')
    .action(
      async (
        email: string,
        options: { role: Role; instance?: boolean; admin?: boolean; hours: number },
        self: Command,
      ) => {
        const session = Session.of(self);
        const client = await session.client();
        const expiresInHours = options.hours;
        const isAdmin = options.admin === true;
        const made =
          isAdmin || options.instance === true
            ? await client.call('instanceInvitationCreate', { body: { email, isAdmin, expiresInHours } })
            : await client.call('invitationCreate', {
                params: { project: await session.project() },
                body: { email, role: options.role, expiresInHours },
              });
        const link = new URL(made.path, session.context.url).href;
        session.out.one({ ...made, link }, () => link);
        session.out.hint(
          `Send it to ${made.email}. It works once, until ${made.expiresAt}, and is not shown again.`,
        );
      },
    );
}

function invitationsCommand(): Command {
  return new Command('invitations')
    .description('invitations that nobody has accepted yet')
    .option('--instance', 'those for no project (administrators)')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet user invitations')
    .action(async (options: { instance?: boolean }, self: Command) => {
      const session = Session.of(self);
      session.out.list(await invitations(session, options.instance === true), [
        { header: 'id', value: (i) => i.id },
        { header: 'email', value: (i) => i.email },
        { header: 'role', value: (i) => i.role ?? (i.isAdmin ? 'administrator' : 'none') },
        { header: 'by', value: (i) => i.createdBy },
        { header: 'expires', value: (i) => i.expiresAt },
      ]);
    });
}

async function invitations(session: Session, isInstance: boolean): Promise<Resource<'Invitation'>[]> {
  const client = await session.client();
  const page = isInstance
    ? await client.call('instanceInvitationList')
    : await client.call('invitationList', { params: { project: await session.project() } });
  return page.items;
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('end an open invitation')
    .argument('<email-or-id>')
    .option('--instance', 'one for no project (administrators)')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet user revoke ada@example.com')
    .action(async (which: string, options: { instance?: boolean; yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const isInstance = options.instance === true;
      const open = await invitations(session, isInstance);
      const found = open.find(({ id, email }) => id === which || email === which.toLowerCase());
      const id = found?.id ?? which;
      await confirm(`End the invitation of ${found?.email ?? id}?`, options.yes);
      if (isInstance) await client.call('instanceInvitationDelete', { params: { id } });
      else await client.call('invitationDelete', { params: { project: await session.project(), id } });
      session.out.one({ revoked: id }, () => `${pc.green('revoked')}  invitation of ${found?.email ?? id}`);
    });
}

function roleCommand(): Command {
  return new Command('role')
    .description("change a member's role; administrators also add people who have an account")
    .argument('<email>')
    .argument('<role>', roles.join(', '))
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet user role ada@example.com operator')
    .action(async (email: string, role: string, _options, self: Command) => {
      if (!isRole(role)) usage(`"${role}" is no role. Roles are ${roles.join(', ')}.`);
      const session = Session.of(self);
      const project = await session.project();
      const member = await (
        await session.client()
      ).call('memberPut', { params: { project, email }, body: { role } });
      session.out.one(
        member,
        () => `${pc.green('changed')}  ${member.email} is ${member.role} in ${project}`,
      );
    });
}

function removeCommand(): Command {
  return new Command('remove')
    .description('take somebody out of the project; the account stays')
    .argument('<email>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet user remove ada@example.com')
    .action(async (email: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const project = await session.project();
      const client = await session.client();
      await confirm(`Take ${email} out of project ${project}?`, options.yes);
      await client.call('memberDelete', { params: { project, email } });
      session.out.one({ removed: email, project }, () => `${pc.green('removed')}  ${email} from ${project}`);
    });
}

function resetCommand(): Command {
  return new Command('reset')
    .description('make a one-time link with which somebody sets a new password (administrators)')
    .argument('<email>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet user reset ada@example.com')
    .action(async (email: string, _options, self: Command) => {
      const session = Session.of(self);
      const made = await (await session.client()).call('personReset', { params: { email } });
      const link = new URL(made.path, session.context.url).href;
      session.out.one({ ...made, link }, () => link);
      session.out.hint(
        `Send it to ${made.email}. It works once, until ${made.expiresAt}, and is not shown again.`,
      );
    });
}

function switchCommand(
  name: 'disable' | 'enable',
  description: string,
  body: { disabled: boolean },
): Command {
  return new Command(name)
    .description(`${description} (administrators)`)
    .argument('<email>')
    .option('--yes', 'do not ask')
    .addHelpText('after', `\nExample:\n  $ npx tinyfleet user ${name} ada@example.com`)
    .action(async (email: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      if (body.disabled) await confirm(`Disable ${email} and revoke all sessions and tokens?`, options.yes);
      const person = await client.call('personUpdate', { params: { email }, body });
      session.out.one(person, () => `${pc.green(`${name}d`)}  ${person.email}`);
    });
}

function proveCommand(): Command {
  return new Command('prove')
    .description(
      'say that the address belongs to whoever uses the account, so that single sign-on leads there (administrators)',
    )
    .argument('<email>')
    .option('--remove', 'the other way round; what was linked ends')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet user prove ada@example.com')
    .action(async (email: string, options: { remove?: boolean }, self: Command) => {
      const session = Session.of(self);
      const emailProven = options.remove !== true;
      const client = await session.client();
      const person = await client.call('personUpdate', { params: { email }, body: { emailProven } });
      session.out.one(
        person,
        () => `${pc.green('changed')}  ${person.email} is ${emailProven ? '' : 'not '}proven`,
      );
    });
}

function adminCommand(): Command {
  return new Command('admin')
    .description('make somebody an administrator of the instance (administrators)')
    .argument('<email>')
    .option('--remove', 'the other way round')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet user admin ada@example.com')
    .action(async (email: string, options: { remove?: boolean }, self: Command) => {
      const session = Session.of(self);
      const isAdmin = options.remove !== true;
      const person = await (
        await session.client()
      ).call('personUpdate', { params: { email }, body: { isAdmin } });
      session.out.one(
        person,
        () => `${pc.green('changed')}  ${person.email} is ${isAdmin ? 'an' : 'no'} administrator`,
      );
    });
}

const isRole = (text: string): text is Role => (roles as readonly string[]).includes(text);
