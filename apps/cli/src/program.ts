/** The command tree and the one place where errors become text and exit codes. */
import { Command, CommanderError, Option } from 'commander';
import { failureOf, renderFailure } from './errors.js';
import { alertCommand } from './commands/alert.js';
import { buildCommand } from './commands/build.js';
import { caCommand } from './commands/ca.js';
import { compileCommand } from './commands/compile.js';
import { configCommand } from './commands/config.js';
import { auditCommand } from './commands/audit.js';
import { contextCommand, setupLinkCommand } from './commands/context.js';
import { demoCommand } from './commands/demo/index.js';
import { deviceCommand } from './commands/device.js';
import { deviceTypeCommand } from './commands/device-type.js';
import { groupCommand } from './commands/group.js';
import { doctorCommand } from './commands/doctor.js';
import { flashCommand } from './commands/flash.js';
import { labelsCommand } from './commands/labels.js';
import { loginCommand, logoutCommand } from './commands/login.js';
import { firmwareCommand } from './commands/firmware.js';
import { modelCommand } from './commands/model.js';
import { provisioningKeyCommand } from './commands/provisioning-key.js';
import { projectCommand } from './commands/project.js';
import { qualityCommand } from './commands/quality.js';
import { releaseCommand } from './commands/release.js';
import { deploymentCommand } from './commands/deployment.js';
import { rolloutCommand } from './commands/rollout.js';
import { updateRuleCommand } from './commands/update-rule.js';
import { sampleCommand } from './commands/sample.js';
import { sessionCommand } from './commands/session.js';
import { simulateCommand } from './commands/simulate.js';
import { telemetryCommand } from './commands/telemetry.js';
import { tokenCommand } from './commands/token.js';
import { upCommand } from './commands/up/index.js';
import { userCommand } from './commands/user.js';
import { completeCommand } from './commands/complete.js';
import { completionCommand } from './commands/completion.js';
import { webhookCommand } from './commands/webhook.js';
import { wireCommand } from './commands/wire.js';
import { EXIT_CODES } from './exit-codes.js';
import { outputFormats } from './output/output.js';

export function createProgram(): Command {
  const program = new Command('npx tinyfleet')
    .description('MLOps for fleets of microcontrollers: models in, releases out, quality watched.')
    .addOption(new Option('--url <url>', 'server (default: the local one, TINYFLEET_URL)'))
    .addOption(new Option('--token <token>', 'API token (default: from the context, TINYFLEET_TOKEN)'))
    .addOption(new Option('--project <name>', 'project (default: from the context, TINYFLEET_PROJECT)'))
    .addOption(new Option('--data-dir <directory>', 'data directory of the local server'))
    .addOption(
      new Option('--output <format>', 'how results are printed').choices(outputFormats).default('table'),
    )
    .showHelpAfterError('Try it with --help.')
    .addHelpText(
      'after',
      `
The loop in five commands:
  $ npx tinyfleet model import kws.tflite --name kws --labels yes,no,unknown
  $ npx tinyfleet build kws --for wasm
  $ npx tinyfleet release create kws@1.1.0 --sign
  $ npx tinyfleet rollout start kws@1.1.0 --to 'tag = "demo"'
  $ npx tinyfleet rollout watch

Exit codes: ${Object.entries(EXIT_CODES)
        .map(([code, meaning]) => `${code} ${meaning}`)
        .join(', ')}.`,
    );
  for (const command of [
    upCommand(),
    setupLinkCommand(),
    loginCommand(),
    logoutCommand(),
    contextCommand(),
    projectCommand(),
    userCommand(),
    sessionCommand(),
    tokenCommand(),
    auditCommand(),
    deviceTypeCommand(),
    deviceCommand(),
    provisioningKeyCommand(),
    caCommand(),
    groupCommand(),
    flashCommand(),
    modelCommand(),
    firmwareCommand(),
    buildCommand(),
    compileCommand(),
    releaseCommand(),
    rolloutCommand(),
    deploymentCommand(),
    updateRuleCommand(),
    qualityCommand(),
    labelsCommand(),
    sampleCommand(),
    telemetryCommand(),
    simulateCommand(),
    demoCommand(),
    configCommand(),
    alertCommand(),
    webhookCommand(),
    wireCommand(),
    completionCommand(),
    doctorCommand(),
  ])
    program.addCommand(command);
  program.addCommand(completeCommand(), { hidden: true });
  inherit(program);
  return program;
}

/** Subcommands made by addCommand do not inherit settings by themselves. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.showHelpAfterError(`Try it with --help.`);
    inherit(child);
  }
}

/** Runs one command line; returns the exit code and has printed any error. */
export async function run(args: readonly string[]): Promise<number> {
  const program = createProgram();
  throwInstead(program);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const failure = failureOf(error);
    if (args.includes('json') && args.some((a) => a.startsWith('--output')))
      process.stderr.write(`${JSON.stringify({ error: failure })}\n`);
    else process.stderr.write(`${renderFailure(failure)}\n`);
    return failure.exitCode;
  }
}

function throwInstead(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInstead(child);
}
